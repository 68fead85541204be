#!/usr/bin/env bash
# Tests the tests: each patch in patches/ takes one safeguard out of the program, and the test that
# it names must fail then.
#
#   scripts/mutants/run.sh [name ...]
#
# Works on a copy of the tree as it is now, in target/mutants, where all mutants share one target
# directory. First the tests are run on the copy without any patch: there they must pass.
set -euo pipefail
cd "$(dirname "$0")/../.."

patches=$PWD/scripts/mutants/patches
tree=$PWD/target/mutants/tree
export CARGO_TARGET_DIR=$PWD/target/mutants/target

# A test that hangs has noticed as well.
limit_seconds=300

# Keeps the times of files, so that what did not change is not built again.
rm -rf "$tree"
mkdir -p "$tree"
git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
    tar --null --files-from - --create --file - |
    tar --extract --file - --directory "$tree"
cd "$tree"
# So that git takes the copy for a directory of its own.
export GIT_CEILING_DIRECTORIES=${tree%/*}

field() {
    sed -n "s/^$1: //p" "$patches/$2.patch"
}

# The package of a test: journal/crashes is one of the journal, order one of the black-box tests.
package() {
    if [[ $1 == */* ]]; then echo "shardwright-${1%/*}"; else echo shardwright-tests; fi
}

build() {
    [[ $1 == */* ]] || cargo build --quiet -p shardwright || return
    cargo build --quiet -p "$(package "$1")" --test "${1##*/}"
}

run_test() {
    timeout "$limit_seconds" \
        cargo test --quiet -p "$(package "$1")" --test "${1##*/}" -- --exact "$2"
}

if [ $# -gt 0 ]; then names=("$@"); else names=($(basename -s .patch "$patches"/*.patch)); fi

for name in "${names[@]}"; do field 'Caught by' "$name"; done | sort -u >"$tree/../tests"
while read -r binary test <&3; do
    echo "mutants: $binary::$test on the unchanged tree"
    build "$binary"
    run_test "$binary" "$test" | grep -q '^test result: ok. 1 passed' || {
        echo "mutants: $binary::$test does not pass, or is not there" >&2
        exit 1
    }
done 3<"$tree/../tests"

escaped=()
for name in "${names[@]}"; do
    read -r binary test <<<"$(field 'Caught by' "$name")"
    git apply -C1 "$patches/$name.patch" || {
        echo "mutants: $name.patch no longer applies: make it anew" >&2
        exit 1
    }
    build "$binary" || {
        echo "mutants: $name does not build" >&2
        exit 1
    }
    log=$PWD/../$name.log
    if run_test "$binary" "$test" >"$log" 2>&1; then
        echo "mutants: without $(field Removes "$name"): NOT caught by $binary::$test"
        escaped+=("$name")
    else
        echo "mutants: without $(field Removes "$name"): caught by $binary::$test"
    fi
    git apply -C1 --reverse "$patches/$name.patch"
done

if [ ${#escaped[@]} -gt 0 ]; then
    echo "mutants: ${#escaped[@]} of ${#names[@]} escaped: ${escaped[*]}" >&2
    exit 1
fi
echo "mutants: all ${#names[@]} caught"
