# The ways to build, run, test and measure Shardwright. CI calls these targets and no others.

CARGO ?= cargo
HOST := $(shell rustc -vV | sed -n 's/^host: //p')

# Seconds for each fuzz target: `make fuzz` and `make fuzz-long`.
FUZZ_SECONDS ?= 20
FUZZ_LONG_SECONDS ?= 1800

# Arguments of `make run` and `make bench`: `make run ARGS='--port 7000 --shards 4'`.
ARGS ?=

# nextest runs the tests side by side where it is installed; cargo's own runner does as well.
ifneq ($(shell command -v cargo-nextest),)
RUN_TESTS := $(CARGO) nextest run --workspace --no-fail-fast
else
RUN_TESTS := $(CARGO) test --workspace --no-fail-fast
endif

.PHONY: build run test lint bench bench-smoke fuzz fuzz-long asan miri mutants storage nightly ci docs deps hooks clean

build:
	$(CARGO) build --release

run:
	$(CARGO) run --release -- $(ARGS)

# The black-box tests start target/debug/shardwright, so everything is built first: with the
# features that the tests have, or shared dependencies would be built twice.
test:
	scripts/deps.sh redis trace
	$(CARGO) build --workspace --all-targets
	$(RUN_TESTS)

lint:
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

bench:
	scripts/deps.sh redis trace
	$(CARGO) build --release -p shardwright -p shardwright-bench
	target/release/shardwright-bench $(ARGS)

# That the measurement itself works: a few seconds of a few loads.
bench-smoke: ARGS = --smoke
bench-smoke: bench

# From the saved corpora; what is found new stays in target/fuzz/corpus.
fuzz:
	scripts/deps.sh fuzz
	scripts/fuzz.sh $(FUZZ_SECONDS)

fuzz-long:
	scripts/deps.sh fuzz
	scripts/fuzz.sh $(FUZZ_LONG_SECONDS)

# The crates that parse and that have unsafe code. The target is named so that build scripts and
# macros are not instrumented. Fewer random cases: each costs several times its usual time.
asan:
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address PROPTEST_CASES=$${PROPTEST_CASES:-64} \
		$(CARGO) test -p shardwright-codec -p shardwright-store --lib --tests --no-fail-fast \
		--target $(HOST) --target-dir target/asan

# The units of the same crates, for those who have Miri (rustup +nightly component add miri).
miri:
	@if $(CARGO) +nightly miri --version >/dev/null 2>&1; then \
		PROPTEST_CASES=4 MIRIFLAGS=-Zmiri-disable-isolation $(CARGO) +nightly miri test \
			-p shardwright-codec -p shardwright-store --lib --target-dir target/miri; \
	else \
		echo "Miri is not installed: nothing was checked" \
			"(rustup toolchain install nightly --component miri)"; \
	fi

# Tests of the tests: takes one safeguard at a time out of a copy; the named test must fail.
# `make mutants ARGS=expiry-check` tries one.
mutants:
	scripts/deps.sh redis trace
	scripts/mutants/run.sh $(ARGS)

# Seeds of `make storage`: a million took 79 s of one core.
STORAGE_SEEDS ?= 2000000

# The storage simulation with very many seeds: lives with one end and a few faults each.
storage:
	SHARDWRIGHT_STORAGE_SEEDS=$(STORAGE_SEEDS) \
		$(CARGO) test --release -p shardwright-journal --test many

# Long runs with a seed of the day; an environment variable set by hand goes before these.
nightly: export SHARDWRIGHT_SEED ?= $(shell date +%Y%m%d)
nightly: export SHARDWRIGHT_SEQUENCES ?= 2000
nightly: export SHARDWRIGHT_HISTORIES ?= 500
nightly: export SHARDWRIGHT_ISOLATION_MS ?= 60000
nightly: export SHARDWRIGHT_SEEDS ?= 50000
nightly: export PROPTEST_CASES ?= 5000
nightly:
	@echo "seed $(SHARDWRIGHT_SEED)"
	$(MAKE) test
	$(MAKE) storage
	$(MAKE) mutants
	$(MAKE) fuzz-long

ci:
	.ci/run

# The pages and the default file that are made from the tables of settings and commands.
docs:
	$(CARGO) run -p shardwright-config --example generate
	$(CARGO) run -p shardwright-actors --example commands

deps:
	scripts/deps.sh redis trace fuzz

hooks:
	install -m 755 scripts/hooks/pre-commit "$$(git rev-parse --git-path hooks)/pre-commit"

clean:
	$(CARGO) clean
	rm -rf fuzz/*/target fuzz/*/artifacts
