#!/bin/bash
# How the captures in this folder were made (root): a small run of the lab, seen at both ends.
# usage: lab/captures/make.sh DIRECTORY-OF-BINARIES
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ "${2:-}" != inside ]; then
    bin=$(cd "$1" && pwd)
    exec "$bin/sce-lab" --prefix "scecap$$" run --seed 3 --rate 20 --esce full \
        --r1 sce=0.1,ce=0.01,drop=0.02,dir=up,what=payload -- "$here/make.sh" "$bin" inside
fi
for side in client server; do
    ip netns exec "$SCE_LAB_PREFIX-$side" tcpdump -qni eth0 -s 128 -B 16384 --immediate-mode -w "$here/$side.pcap" 2>/dev/null &
done
sleep 1
"$1/sce-lab" --prefix "$SCE_LAB_PREFIX" traffic --tcp 3 --bytes 150000 --udp 3 --packets 150 --rate 100
sleep 1
kill %1 %2
wait || true
"$1/sce-lab" --prefix "$SCE_LAB_PREFIX" truth -o json > "$here/truth.json"
gzip -9nf "$here/client.pcap" "$here/server.pcap"
