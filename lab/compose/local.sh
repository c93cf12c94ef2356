#!/bin/sh
# Makes the images of docker-compose.yml on a machine without an image registry: a local root file system becomes the base
# image, and binaries that are already built go on top.
# usage: lab/compose/local.sh [--bin DIR] [--postgres] [ROOTFS]
#   --bin DIR    where the binaries are: target/release (default, by `make build`) or target/debug
#   --postgres   also the database's image, from the Postgres that is installed here
#   ROOTFS       a directory with a Debian of the release that the binaries were built on; without it: this machine's own programs
set -eu
cd "$(dirname "$0")/../.."
bin=target/release rootfs="" postgres=""
while [ $# -gt 0 ]; do
    case $1 in
    --bin) bin=$2; shift ;;
    --postgres) postgres=yes ;;
    -*) sed -n '2,8s/^# //p' "$0" >&2; exit 2 ;;
    *) rootfs=$1 ;;
    esac
    shift
done
made=$(mktemp -d -t sce-image.XXXXXX)
trap 'rm -rf "$made" target/compose' EXIT
mkdir -p target/compose
for program in sce-probe sce-collector sce-cli sce-lab; do
    [ -x "$bin/$program" ] || { echo "local: $bin/$program is missing: run make build" >&2; exit 1; }
    # Without debug information, which makes most of a debug build.
    strip -o "target/compose/$program" "$bin/$program"
done
if [ -z "$rootfs" ]; then
    rootfs=$made/base
    mkdir "$rootfs"
    # What the lab's script and sce-lab call.
    lab/compose/rootfs.sh "$rootfs" sh cat chmod echo id install kill ls mkdir rm sleep awk mount umount sysctl ip tc nft ethtool target/compose/*
fi
tar -C "$rootfs" -c . | docker import - sce-base:local >/dev/null
# The classic builder needs no registry for its own parts.
DOCKER_BUILDKIT=0 docker build -q -f lab/compose/Dockerfile.prebuilt --build-arg BASE_IMAGE=sce-base:local \
    --build-arg BINARIES=target/compose -t "${SCE_IMAGE:-sce:latest}" . >/dev/null
echo "made ${SCE_IMAGE:-sce:latest}; now: docker compose up -d --no-build, or docker-compose up -d --no-build"
if [ -n "$postgres" ]; then
    db=$made/postgres
    server=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 2>/dev/null | sort -V | tail -n 1)
    [ -x "$server/bin/postgres" ] || { echo "local: no Postgres in /usr/lib/postgresql: apt-get install postgresql" >&2; exit 1; }
    mkdir "$db"
    lab/compose/rootfs.sh "$db" sh echo rm "$server/bin/postgres" "$server/bin/initdb" "$server/lib/dict_snowball.so"
    tar -C / -c "${server#/}/bin" "${server#/}/lib" "usr/share/postgresql/${server##*/}" usr/share/zoneinfo | tar -C "$db" -x
    install -D lab/compose/postgres.sh "$db/usr/local/bin/sce-postgres"
    install -d -o 65532 -g 65532 -m 700 "$db/var/lib/postgresql/data"
    tar -C "$db" -c . | docker import --change 'USER 65532:65532' --change 'ENTRYPOINT ["sce-postgres"]' - sce-postgres:local >/dev/null
    echo "made sce-postgres:local; now: POSTGRES_IMAGE=sce-postgres:local docker compose --profile postgres up -d --no-build"
fi
