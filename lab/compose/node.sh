#!/bin/sh
# A node of the compose lab: finds its interfaces by their addresses, sets routes, runs a probe, and (the client) traffic.
# ROLE is client, router or server.
set -eu

iface() { ip -o -4 addr show | awk -v net="$1" 'index($4, net) == 1 { print $2; exit }'; }
rename() {
    [ "$1" != "$2" ] || return 0 # after a restart
    ip link set "$1" down
    ip link set "$1" name "$2"
    ip link set "$2" up
}
left=$(iface 10.77.1.)
right=$(iface 10.77.2.)
case $ROLE in
client)
    ip route replace 10.77.2.0/24 via 10.77.1.3
    points="-i $left"
    ;;
server)
    ip route replace 10.77.1.0/24 via 10.77.2.3
    points="-i $right"
    ;;
router)
    rename "$left" west
    rename "$right" east
    # What a killed container may have left.
    umount /run/sce-lab/compose/bpf 2>/dev/null || true
    ip netns del compose-r1 2>/dev/null || true
    rm -rf /run/sce-lab/compose
    sce-lab --prefix compose attach --r1 "${ROUTER_MARKS:-sce=0.1}"
    points="-i west -i east"
    ;;
*)
    echo "node: ROLE must be client, router or server" >&2
    exit 2
    ;;
esac

sce-probe run --name "$ROLE" --collector "${SCE_COLLECTOR:-http://collector:4517}" --spool /var/spool/sce-probe --interval 1s --run compose $points &
probe=$!
trap 'kill "$probe"; wait "$probe"' TERM INT
case $ROLE in
server) sce-lab serve & ;;
client)
    while kill -0 "$probe" 2>/dev/null; do
        sce-lab send 10.77.2.2 --tcp 2 --bytes 500000 --udp 2 --packets 500 || sleep 2
        sleep 1
    done
    ;;
esac
wait "$probe"
