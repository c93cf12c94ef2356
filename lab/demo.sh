#!/bin/bash
# The main job on real traffic: three probes on a path of namespaces, a router that marks and drops, one collector.
# usage: lab/demo.sh DIRECTORY-OF-BINARIES [FIGURE]           (root)
# Everything it makes goes away when it ends, also on Ctrl-C and on failure, but for the figure (demo.svg here).
set -euo pipefail

if [ "${3:-}" != inside ]; then
    bin=$(cd "${1:?usage: $0 DIRECTORY-OF-BINARIES [FIGURE]}" && pwd)
    if [ "$(id -u)" != 0 ]; then
        echo "demo: network namespaces need root: run \`sudo -E make demo\`, or \`make demo-offline\`, which needs none." >&2
        exit 1
    fi
    # One router with SCE and CE marks and drops towards the server; the server echoes SCE as ESCE; 50 Mbit/s.
    exec "$bin/sce-lab" --prefix "scedemo$$" run --seed 7 --rate 50 --queue 500 --esce full \
        --r1 sce=0.08,ce=0.004,drop=0.004,dir=up,what=payload -- "$0" "$bin" "${2:-demo.svg}" inside
fi

bin=$1 figure=$2
work=$(mktemp -d -t sce-demo.XXXXXX)
pids=()
# Asks processes to end, all at once, and waits until they have. One that does not is killed, and that is said.
end() {
    [ $# -gt 0 ] && kill "$@" 2>/dev/null || true
    for pid in "$@"; do
        for _ in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || continue 2
            sleep 0.1
        done
        echo "demo: process $pid did not end within 10 s and is killed" >&2
        kill -9 "$pid" 2>/dev/null || true
    done
}
finish() {
    trap - EXIT
    trap '' INT TERM
    # The probes first: they hand over what they have while the collector is still there.
    end "${pids[@]:1}"
    end "${pids[@]:0:1}"
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
fail() {
    echo "demo: $1. The last lines of its log:" >&2
    tail -n 20 "$2" >&2
    exit 1
}
collector=http://$SCE_LAB_MGMT_ADDRESS:4517
cli() { ip netns exec "$SCE_LAB_MGMT" env SCE_COLLECTOR="$collector" "$bin/sce-cli" "$@"; }

say "1. A collector, with its database in one SQLite file"
# The management network is the lab's own and carries nothing else, hence no encryption.
ip netns exec "$SCE_LAB_MGMT" "$bin/sce-collector" serve --db "$work/sce.db" --listen "$SCE_LAB_MGMT_ADDRESS:4517" \
    --allow-plaintext --admin none 2>"$work/collector.log" &
pids+=($!)
for _ in $(seq 300); do
    cli probes -q >/dev/null 2>&1 && break
    kill -0 "${pids[0]}" 2>/dev/null || fail "the collector ended" "$work/collector.log"
    sleep 0.1
done

say "2. A probe on each node: client, router (both sides), server"
probe() {
    local node=$1 namespace=$2
    shift 2
    ip netns exec "$namespace" "$bin/sce-probe" run --name "$node" --collector "$collector" --spool "$work/spool-$node" \
        --interval 100ms --run demo "$@" 2>"$work/probe-$node.log" &
    pids+=($!)
}
# On the sender's host also the kernel's word on every socket: its congestion window.
probe client "$SCE_LAB_CLIENT" -i eth0 --sockets --socket-dumps
probe router "$SCE_LAB_R1" -i west -i east
probe server "$SCE_LAB_SERVER" -i eth0
for _ in $(seq 300); do
    [ "$(cli points -o ndjson -q 2>/dev/null | wc -l)" -ge 4 ] && break
    sleep 0.1
done
[ "$(cli points -o ndjson -q | wc -l)" -ge 4 ] || fail "not all probes reached the collector" "$work/probe-client.log"
cli points -q

say "3. Traffic: 6 TCP flows of 4 MB, 6 UDP flows of 3,000 packets, through a router that marks and drops"
"$bin/sce-lab" --prefix "$SCE_LAB_PREFIX" traffic --tcp 6 --bytes 4000000 --udp 6 --packets 3000 --rate 400 --udp-ecn ect0 &
traffic=$!
pids+=("$traffic")
while kill -0 "$traffic" 2>/dev/null; do
    if [ -t 1 ]; then
        printf '\r   %2d s ... %s flows seen so far ' "$SECONDS" "$(cli flows -o ndjson -q 2>/dev/null | wc -l)"
    fi
    sleep 1
done
wait "$traffic" || fail "the traffic did not finish" "$work/collector.log"
# Records follow the packets: at once, or when a slow disk has them. A UDP flow has no end of its own: it is over when nothing
# more of it came for two seconds. Until then `in_flight` says that its figures are not the last word. Three hops in both
# directions of 6 TCP flows and in one of 6 UDP flows are 54 segments.
complete() {
    cli check 'count(paths) >= 54' 'not paths.warnings ~ "*in_flight*"' --only 'port 5201 or port 5301' \
        && cli check 'audit.on_its_way == 0'
}
for try in $(seq 60); do
    complete >/dev/null 2>&1 && break
    [ "$try" -lt 60 ] || echo "demo: not all records are here after $SECONDS s: figures may lack some packets" >&2
    sleep 0.5
done

say "4. sce-cli flows --since 5m"
cli flows --since 5m port 5201 or port 5301
say "5. sce-cli paths --since 5m      (which hop lost, which hop marked)"
cli paths --since 5m --by hop port 5201 or port 5301
say "6. The lab's own truth: what the router did"
"$bin/sce-lab" --prefix "$SCE_LAB_PREFIX" truth
say "7. sce-cli verify --since 5m     (did the receiver say what it got)"
cli verify --since 5m port 5201
say "8. sce-cli audit                 (is every captured packet accounted for)"
cli audit
say "9. sce-cli plot overview --run demo --filter 'proto = tcp'     (marks, window and delay of the busiest flow)"
cli plot overview --run demo --filter 'proto = tcp' --term
cli plot overview --run demo --filter 'proto = tcp' --out "$figure"
say "That was the demo. It took $SECONDS s and leaves nothing behind but the figure $figure."
