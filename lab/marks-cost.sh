#!/bin/bash
# What path marks cost a probe: CPU seconds (user and system) of `sce-probe run --read` into a collector, with marks off and
# with the default, in turns. Prints each pair, and the median of their ratios.
# usage: lab/marks-cost.sh DIRECTORY-OF-BINARIES CAPTURE [PAIRS]      (sce-bench gen writes captures)
set -euo pipefail
bin=$(cd "${1:?usage: $0 DIRECTORY-OF-BINARIES CAPTURE [PAIRS]}" && pwd) capture=${2:?a capture file} pairs=${3:-5}
work=$(mktemp -d -t sce-marks.XXXXXX)
trap 'kill "$collector_pid" 2>/dev/null || true; wait; rm -rf "$work"' EXIT

port=${SCE_MARKS_PORT:-14527}
"$bin/sce-collector" serve --db "$work/sce.db" --listen "127.0.0.1:$port" --admin none 2>"$work/collector.log" &
collector_pid=$!
export SCE_COLLECTOR=http://127.0.0.1:$port TIMEFORMAT='%U %S'
for _ in $(seq 100); do
    "$bin/sce-cli" probes -q >/dev/null 2>&1 && break
    sleep 0.1
done
"$bin/sce-cli" probes -q >/dev/null || { tail -n 5 "$work/collector.log" >&2; exit 1; }

cpu() { # MODE NUMBER: CPU seconds of one replay
    { time "$bin/sce-probe" run --read "$capture" --marks "$1" --name "$1-$2" --run "$1-$2" \
        --spool "$work/spool-$1-$2" --interval 1s >/dev/null 2>"$work/probe.log"; } 2>&1 | awk '{ print $1 + $2 }'
}
for i in $(seq "$pairs"); do
    off=$(cpu off "$i") on=$(cpu sampled "$i")
    awk -v off="$off" -v on="$on" 'BEGIN { printf "off %.2f s, sampled %.2f s, ratio %.3f\n", off, on, on / off }'
done | tee "$work/pairs"
awk '{ print $NF }' "$work/pairs" | sort -n | awk '{ r[NR] = $1 } END { printf "median ratio %.3f\n", r[int((NR + 1) / 2)] }'
