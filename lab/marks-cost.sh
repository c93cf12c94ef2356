#!/bin/bash
# What path marks cost a probe: CPU seconds (user and system) of `sce-probe run` into a collector, with marks off and with the
# default, in turns. Prints each pair, and the median of their ratios. With a RATE the capture is sent over a veth pair at so
# many frames per second and metered live (root); without, the probe reads the file.
# usage: lab/marks-cost.sh DIRECTORY-OF-BINARIES CAPTURE [PAIRS [RATE]]      (sce-bench gen writes captures)
set -euo pipefail
bin=$(cd "${1:?usage: $0 DIRECTORY-OF-BINARIES CAPTURE [PAIRS [RATE]]}" && pwd) capture=${2:?a capture file} pairs=${3:-5} rate=${4:-}
work=$(mktemp -d -t sce-marks.XXXXXX) space=sce-marks-$$ inside=()
trap 'kill "$collector_pid" 2>/dev/null || true; wait; ip netns del "$space" 2>/dev/null || true; rm -rf "$work"' EXIT

if [ -n "$rate" ]; then
    ip netns add "$space"
    inside=(ip netns exec "$space")
    for link in "link set lo up" "link add near type veth peer name far" "link set near up mtu 65535" "link set far up mtu 65535"; do
        # shellcheck disable=SC2086 # words of one command
        ip -n "$space" $link
    done
fi
port=${SCE_MARKS_PORT:-14527}
"${inside[@]}" "$bin/sce-collector" serve --db "$work/sce.db" --listen "127.0.0.1:$port" --admin none 2>"$work/collector.log" &
collector_pid=$!
export SCE_COLLECTOR=http://127.0.0.1:$port TIMEFORMAT='%U %S'
answers() { "${inside[@]}" "$bin/sce-cli" probes -q >/dev/null 2>&1; }
for _ in $(seq 100); do
    answers && break
    sleep 0.1
done
answers || { tail -n 5 "$work/collector.log" >&2; exit 1; }

probe() { # MODE NUMBER MORE...: one run of the probe
    "${inside[@]}" "$bin/sce-probe" run --marks "$1" --name "$1-$2" --run "$1-$2" --spool "$work/spool-$1-$2" --interval 1s \
        "${@:3}" >/dev/null 2>"$work/probe.log"
}
live() { # MODE NUMBER: meters what is sent meanwhile; what the first seconds take, for memory that is new, does not count
    probe "$1" "$2" -i far &
    local metering=$! sending pid from
    until grep -q Capturing "$work/probe.log" 2>/dev/null; do sleep 0.1; done
    pid=$(pgrep -f -- "--name $1-$2 ")
    spent() { awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/$pid/stat"; }
    "${inside[@]}" "$bin/sce-bench" replay -i near --rate "$rate" "$capture" >/dev/null 2>&1 &
    sending=$!
    sleep 4
    from=$(spent)
    wait "$sending"
    echo "$(spent) -$from"
    kill -INT "$pid"
    wait "$metering"
}
cpu() { # MODE NUMBER: CPU seconds of one run
    rm -f "$work/probe.log"
    if [ -n "$rate" ]; then live "$1" "$2"; else { time probe "$1" "$2" --read "$capture"; } 2>&1; fi | awk '{ print $1 + $2 }'
}
for i in $(seq "$pairs"); do
    # Now the one is first, now the other: a machine gets slower and faster.
    if ((i % 2)); then off=$(cpu off "$i") on=$(cpu sampled "$i"); else on=$(cpu sampled "$i") off=$(cpu off "$i"); fi
    awk -v off="$off" -v on="$on" 'BEGIN { printf "off %.2f s, sampled %.2f s, ratio %.3f\n", off, on, on / off }'
done | tee "$work/pairs"
awk '{ off += $2; on += $5 } END { printf "ratio of the sums %.3f\n", on / off }' "$work/pairs"
awk '{ print $NF }' "$work/pairs" | sort -n | awk '{ r[NR] = $1 } END { printf "median ratio %.3f\n", r[int((NR + 1) / 2)] }'
