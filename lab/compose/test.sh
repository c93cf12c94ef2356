#!/bin/bash
# The compose lab from up to down: traffic is seen at all points, the router is killed and comes back, and the questions
# of the README are answered. Needs a Docker daemon (DOCKER_HOST) and the image, see local.sh. About a minute.
set -euo pipefail
cd "$(dirname "$0")/../.."
compose() {
    if docker compose version >/dev/null 2>&1; then docker compose -p sce-test "$@"; else docker-compose -p sce-test "$@"; fi
}
ask() { compose exec -T collector sce-cli "$@"; }
wait_for() {
    local what=$1 end=$((SECONDS + 90))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { echo "compose test: $what did not come about within 90 s" >&2; compose logs --tail 20 >&2; exit 1; }
        sleep 1
    done
    echo "compose test: $what"
}
trap 'compose down -v --remove-orphans >/dev/null 2>&1' EXIT
export SCE_PAGES_PORT=${SCE_PAGES_PORT:-14519}
compose up -d --no-build
wait_for "three probes are connected" ask check 'count(probes) == 3' 'probes.connected = true' -q
wait_for "marks by the router are found" ask check 'sum(paths.transitions.ect0_to_ect1.packets) > 0' --since 1m -q
ask flows --since 5m
router=$(compose ps -q router)
docker kill "$router" >/dev/null
docker start "$router" >/dev/null
killed=$(date +%s)
wait_for "the router's probe is back with new records" ask check 'count(flow) > 0' --only 'point.probe = router' --since "$((killed + 3))" -q
wait_for "every account balances" ask audit -q
curl -fsS "http://127.0.0.1:$SCE_PAGES_PORT/" | grep -q 'observatory'
echo "compose test: the page answers"
