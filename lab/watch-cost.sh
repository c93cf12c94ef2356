#!/bin/bash
# What `sce-cli watch` costs, and the collector that answers it every second: CPU of both over 25 s in a terminal of 120 by 40
# characters, by /proc, and the flows on the screen. 10,000 flows: `cargo bench -p sce-collector --bench query -- 1220000 20000 DIR`.
# usage: lab/watch-cost.sh DIRECTORY-OF-BINARIES DIR/bench.db [SINCE]
set -euo pipefail
bin=$(cd "${1:?usage: $0 DIRECTORY-OF-BINARIES DIR/bench.db [SINCE]}" && pwd) db=${2:?an SQLite file} since=${3:-15m}
work=$(mktemp -d -t sce-watch.XXXXXX) port=${SCE_WATCH_PORT:-14528} collector_pid='' watch_pid=''
trap 'kill $watch_pid $collector_pid 2>/dev/null || true; wait; rm -rf "$work"' EXIT
"$bin/sce-collector" serve --db "$db" --listen "127.0.0.1:$port" --admin none 2>"$work/collector.log" &
collector_pid=$!
export SCE_COLLECTOR=http://127.0.0.1:$port
for _ in $(seq 100); do
    "$bin/sce-cli" probes -q >/dev/null 2>&1 && break
    sleep 0.1
done
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
sleep 32 | script -qfec "stty rows 40 cols 120; echo \$\$ >$work/pid; exec $bin/sce-cli watch --since $since" "$work/screen" >/dev/null 2>&1 &
sleep 5
watch_pid=$(cat "$work/pid")
cli=$(ticks "$watch_pid") collector=$(ticks "$collector_pid")
sleep 25
hz=$(getconf CLK_TCK)
percent() { awk -v a="$1" -v b="$2" -v hz="$hz" 'BEGIN { printf "%.1f %%", (b - a) / hz / 25 * 100 }'; }
echo "sce-cli watch $(percent "$cli" "$(ticks "$watch_pid")") of a core, $(awk '/VmRSS/ { printf "%.0f MiB", $2 / 1024 }' "/proc/$watch_pid/status")"
echo "collector     $(percent "$collector" "$(ticks "$collector_pid")") of a core"
echo "on the screen $(grep -a -o '[0-9,]* flows' "$work/screen" | tail -n 1)"
