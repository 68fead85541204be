#!/usr/bin/env bash
# Runs every fuzz target of every project under fuzz/ for so many seconds:
#
#   scripts/fuzz.sh 20 [target ...]
#
# Each begins with its saved corpus, which stays as it is: new inputs go to target/fuzz/corpus, and
# one that breaks something is left in the project's artifacts/ and named at the end of its run.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=$1
shift
export RUSTC_BOOTSTRAP=1

wanted() {
    local target=$1
    shift
    [ $# = 0 ] && return
    for name in "$@"; do [ "$name" = "$target" ] && return; done
    return 1
}

ran=0
for project in fuzz/*/; do
    project=${project%/}
    for source in "$project"/fuzz_targets/*.rs; do
        target=$(basename "$source" .rs)
        wanted "$target" "$@" || continue
        found=target/fuzz/corpus/$project/$target
        mkdir -p "$found"
        echo "fuzz: $project $target, $seconds s"
        cargo fuzz run --fuzz-dir "$project" --target-dir target/fuzz "$target" \
            "$found" "$project/corpus/$target" -- -max_total_time="$seconds" -print_final_stats=1
        ran=$((ran + 1))
    done
done
if [ "$ran" = 0 ]; then
    echo "fuzz: no such target: $*" >&2
    exit 2
fi
echo "fuzz: $ran targets ran"
