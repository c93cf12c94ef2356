#!/bin/bash
# Every check there is, each step with its time. Called by `make test`; stops at the first failure.
# Tests that need what this machine lacks (root, namespaces, eBPF, Postgres ...) print SKIP lines; they are counted at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
# Properties see the same cases in every run, so that a failure is about the change. To look for new ones:
# PROPTEST_RNG_SEED=$RANDOM PROPTEST_CASES=2000 cargo test -p sce-collector --test random_paths
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-1}
# What a machine builds once and throws away needs no files to build it faster again: they take a third of target/.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL=0

log=$(mktemp)
# Thousands of lines follow the failure of a test: what failed, and why, is said once more at the end.
finish() {
    [ $? = 0 ] || grep -A12 "^thread '.*panicked at" "$log" >&2 || true
    rm -f "$log"
}
trap finish EXIT
step() {
    local name=$1 start=$SECONDS
    shift
    printf '== %s\n' "$name"
    "$@" 2>&1 | tee -a "$log"
    printf '== %s: %d s\n' "$name" $((SECONDS - start))
}

step format cargo fmt --all --check
# With the feature that no other step builds; sce-otlp's own test is one of the tests below.
step lints cargo clippy --workspace --all-targets --features sce-collector/otlp --locked -- -Dwarnings
# What `make demo` builds has fewer features: QUICK in the Makefile.
step "lints of the demo" cargo clippy --workspace --bins --no-default-features --features sce-probe/ebpf --locked -- -Dwarnings
step documentation env RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --locked
step build cargo build --workspace --bins --locked
step tests cargo test --workspace --locked --no-fail-fast -- --show-output
step "compose lab" lab/compose/test.sh target/debug
skipped=$(grep -c '^ *SKIP' "$log" || true)
passed=$(awk '/^test result:/ { n += $4 } END { print n + 0 }' "$log")
if [ "$skipped" -gt 0 ]; then
    printf '\nskipped, because this machine lacks what they need:\n'
    grep '^ *SKIP' "$log" | sort | uniq -c
fi
printf '\nall green: %d tests passed, %d skipped, %d s\n' "$passed" "$skipped" "$SECONDS"
