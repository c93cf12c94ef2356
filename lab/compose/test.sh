#!/bin/bash
# The compose lab from up to down: traffic is seen at all points, the router is killed and comes back, and the questions
# of the README are answered; then the same on Postgres with two collectors, one of which is killed. About two minutes.
# usage: lab/compose/test.sh [DIR]     DIR: where the binaries are, target/debug or target/release (default)
# Asks the Docker daemon that answers; without one starts its own, in a network namespace and a directory of its own (root).
set -euo pipefail
cd "$(dirname "$0")/../.."
binaries=${1:-target/release}
export COMPOSE_PROJECT_NAME=sce-test SCE_IMAGE=sce:test POSTGRES_IMAGE=sce-postgres:local SCE_PAGES_PORT=${SCE_PAGES_PORT:-14519}
daemon="" home=""

compose() {
    if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi
}
skip() {
    echo "SKIP compose lab: $*"
    exit 0
}
clean_up() {
    local code=$?
    [ $code = 0 ] || COMPOSE_PROFILES=postgres compose logs --tail 20 >&2 2>/dev/null || true
    COMPOSE_PROFILES=postgres compose down -v --remove-orphans >/dev/null 2>&1 || true
    if [ -n "$daemon" ]; then
        kill "$daemon" 2>/dev/null && wait "$daemon" || true
        rm -rf "$home"
    fi
}
# Docker's own daemon in a network of its own: nothing of this machine's interfaces, routes and filters is touched.
start_daemon() {
    home=$(mktemp -d -t sce-docker.XXXXXX)
    export DOCKER_HOST=unix://$home/docker.sock
    unshare --net sh -c 'ip link set lo up; exec "$@"' sh dockerd --data-root "$home/data" --exec-root "$home/exec" \
        -p "$home/docker.pid" -H "$DOCKER_HOST" --bridge none >"$home/log" 2>&1 &
    daemon=$!
    for _ in $(seq 60); do
        if docker info >/dev/null 2>&1; then
            try_daemon >"$home/try" 2>&1 || skip "containers cannot run here: $(tail -n 1 "$home/try")"
            return 0
        fi
        kill -0 "$daemon" 2>/dev/null || break
        sleep 1
    done
    skip "no Docker daemon can be started here: $(grep -v level=info "$home/log" | tail -n 1)"
}
# Whether it can run a container at all, with a network: not where this machine is itself a container without the rights.
try_daemon() {
    lab/compose/rootfs.sh "$home/root" sh
    tar -C "$home/root" -c . | docker import - sce-try:local
    docker network create sce-try
    docker run --rm --network sce-try sce-try:local sh -c :
    docker network rm sce-try
}
near() { if [ -n "$daemon" ]; then nsenter -t "$daemon" -n "$@"; else "$@"; fi; }
ask() { compose exec -T "$@"; }
wait_for() {
    local what=$1 end=$((SECONDS + 90))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { echo "compose test: $what: not within 90 s" >&2; "$@" >&2 || true; exit 1; }
        sleep 1
    done
    echo "compose test: $what ($SECONDS s)"
}
# Up to the first answers. $1: collector that is asked.
up() {
    wait_for "three probes deliver" ask "$1" sce-cli check 'count(probes) == 3' -q
    wait_for "marks by the router are found" ask "$1" sce-cli check 'sum(paths.transitions.ect0_to_ect1.packets) > 0' --since 1m -q
    ask "$1" sce-cli flows --since 5m --limit 4
}
# $1: what; $2: collector that is asked meanwhile. Leaves the time in `killed`.
kill_and_restart() {
    local container
    container=$(compose ps -q "$1")
    killed=$(date +%s)
    docker kill "$container" >/dev/null
    ask "$2" sce-cli flows --since 5m -q >/dev/null
    docker start "$container" >/dev/null
    echo "compose test: $1 was killed, flows were still answered, and it was started again ($SECONDS s)"
}

for program in docker dockerd unshare nsenter curl; do
    command -v $program >/dev/null || skip "$program is not installed (apt-get install docker.io docker-compose curl util-linux)"
done
docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || skip "neither docker compose nor docker-compose is installed"
# The file serves both: each that is installed must read all of it without a complaint.
for each in "docker compose" docker-compose; do
    $each version >/dev/null 2>&1 || continue
    said=$(COMPOSE_PROFILES=postgres $each config -q 2>&1) && [ -z "$said" ] \
        || { echo "compose test: $each does not like docker-compose.yml: $said" >&2; exit 1; }
    echo "compose test: $each $($each version --short) reads the file"
done
trap clean_up EXIT
if ! docker info >/dev/null 2>&1; then
    [ "$(id -u)" = 0 ] || skip "no Docker daemon answers, and only root can start one"
    start_daemon
fi
postgres=--postgres
[ -d /usr/lib/postgresql ] || postgres=""
lab/compose/local.sh --bin "$binaries" $postgres

compose up -d --no-build >/dev/null 2>&1
up collector
kill_and_restart router collector
wait_for "the router's probe is back with new records" \
    ask collector sce-cli check 'count(flow) > 0' --only 'point.probe = router' --since "$((killed + 3))" -q
wait_for "every account balances" ask collector sce-cli audit -q
near curl -fsS "http://127.0.0.1:$SCE_PAGES_PORT/" | grep -q 'observatory'
echo "compose test: the page answers"
compose down -v >/dev/null 2>&1

if [ -z "$postgres" ]; then
    skip "Postgres is not installed, so profile postgres was not tried (apt-get install postgresql)"
fi
export SCE_COLLECTOR=http://pool:4517 COMPOSE_PROFILES=postgres
compose up -d --no-build >/dev/null 2>&1
up collector-b
kill_and_restart collector-a collector-b
for probe in client router server; do
    wait_for "$probe delivers to the other collector" \
        ask collector-b sce-cli check 'count(flow) > 0' --only "point.probe = $probe" --since "$((killed + 3))" -q
done
wait_for "every account balances on Postgres" ask collector-b sce-cli audit -q
compose down -v >/dev/null 2>&1
echo "compose test: done in $SECONDS s"
