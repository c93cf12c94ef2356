#!/bin/bash
# Builds sce-probe as on a machine without clang, and shows that it warns, says so when asked, and works.
# usage: lab/no-clang.sh           (builds the debug profile twice: without clang and, at the end, as before)
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "== the build warns and goes on"
CLANG="$work/there-is-no-clang" cargo build -p sce-probe --locked 2>&1 | tee "$work/build.log"
[ "$(grep -c '^warning: sce-probe.*kernel programs not built .*install clang' "$work/build.log")" = 1 ]
cp target/debug/sce-probe "$work/"

echo "== doctor says what is missing"
"$work/sce-probe" doctor | tee "$work/doctor.log" || true
grep -q '^missing  tc capture .*built without clang.*install clang' "$work/doctor.log"
grep -q '^missing  sockets .*built without clang.*install clang' "$work/doctor.log"

echo "== files are read and sockets sampled"
gunzip -c lab/captures/client.pcap.gz | "$work/sce-probe" read - | tail -n 3
"$work/sce-probe" sockets -o samples --interval 200ms --duration 500ms 2>&1 >/dev/null | grep 'sampling by inet_diag instead'

echo "== with clang again"
cargo build -p sce-probe --locked
