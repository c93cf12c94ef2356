#!/bin/sh
# Makes the image of docker-compose.yml on a machine without an image registry: a Debian root file system becomes the base
# image, and the binaries that `make build` left in target/release go on top.
# usage: lab/compose/local.sh [ROOTFS]      ROOTFS: a directory with a Debian bookworm; without it debootstrap makes one (root)
set -eu
cd "$(dirname "$0")/../.."
base=debian:bookworm-slim
rootfs=${1:-}
made=""
trap '[ -z "$made" ] || rm -rf "$made"' EXIT
for program in sce-probe sce-collector sce-cli sce-lab; do
    [ -x "target/release/$program" ] || { echo "local: target/release/$program is missing: run make build" >&2; exit 1; }
done
if ! docker image inspect "$base" >/dev/null 2>&1; then
    if [ -z "$rootfs" ]; then
        command -v debootstrap >/dev/null || { echo "local: apt-get install debootstrap, or name a root file system" >&2; exit 1; }
        made=$(mktemp -d -t sce-rootfs.XXXXXX)
        rootfs=$made
        debootstrap --variant=minbase --include=ca-certificates bookworm "$rootfs"
    fi
    tar -C "$rootfs" -c . | docker import - "$base"
fi
# The classic builder needs no registry for its own parts.
DOCKER_BUILDKIT=0 docker build -q -f lab/compose/Dockerfile.prebuilt --build-arg BASE_IMAGE="$base" -t "${SCE_IMAGE:-sce:latest}" .
echo "made ${SCE_IMAGE:-sce:latest}; now: docker compose up -d, or docker-compose up -d"
