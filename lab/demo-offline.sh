#!/bin/bash
# The main job without root: two captures of the same traffic, taken at both ends of a path, through two probes into a collector.
# usage: lab/demo-offline.sh DIRECTORY-OF-BINARIES [FIGURE]
set -euo pipefail
bin=$(cd "${1:?usage: $0 DIRECTORY-OF-BINARIES [FIGURE]}" && pwd) figure=${2:-demo.svg}
captures=$(cd "$(dirname "$0")/captures" && pwd)
work=$(mktemp -d -t sce-demo.XXXXXX)
collector_pid=""
finish() {
    trap - EXIT INT TERM
    [ -z "$collector_pid" ] || kill "$collector_pid" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
port=${SCE_DEMO_PORT:-14517}
export SCE_COLLECTOR=http://127.0.0.1:$port

say "1. A collector on 127.0.0.1:$port, with its database in one SQLite file"
"$bin/sce-collector" serve --db "$work/sce.db" --listen "127.0.0.1:$port" --admin none 2>"$work/collector.log" &
collector_pid=$!
for _ in $(seq 100); do
    "$bin/sce-cli" probes -q >/dev/null 2>&1 && break
    if ! kill -0 "$collector_pid" 2>/dev/null; then
        tail -n 5 "$work/collector.log" >&2
        echo "demo: the collector ended, see above; if the port is taken: SCE_DEMO_PORT=14600 make demo-offline" >&2
        exit 1
    fi
    sleep 0.1
done

say "2. The client's and the server's view of the same traffic, each through a probe of its own"
for side in client server; do
    "$bin/sce-probe" run --read "$captures/$side.pcap.gz" --name "$side" --run demo --interval 10ms
done

say "3. sce-cli flows"
"$bin/sce-cli" flows port 5201 or port 5301
say "4. sce-cli paths               (what happened between the two hosts)"
"$bin/sce-cli" paths port 5201 or port 5301
say "5. sce-cli verify              (did the receiver say what it got)"
"$bin/sce-cli" verify port 5201
say "6. sce-cli audit               (is every captured packet accounted for)"
"$bin/sce-cli" audit
say "7. sce-cli plot overview --filter 'proto = tcp'     (marks, flight and delay of the busiest flow)"
"$bin/sce-cli" plot overview --filter 'proto = tcp' --term
"$bin/sce-cli" plot overview --filter 'proto = tcp' --out "$figure"
say "That was the demo; the figure is in $figure. The router between them marked 10 % SCE and 1 % CE and dropped 2 %: see lab/captures."
