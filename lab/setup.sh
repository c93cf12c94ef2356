#!/bin/sh
# Makes sure that what the build, the tests or the demo need is installed (Debian, Ubuntu).
# usage: lab/setup.sh build|demo|offline|test
# Installs missing packages with apt-get where the caller may (root, or sudo without a password);
# otherwise names them and fails.
set -eu

cd "$(dirname "$0")/.."
export DEBIAN_FRONTEND=noninteractive
what=${1:-}
case "$what" in
build) want="libpcap-dev clang libbpf-dev pkg-config gcc make" ;;
# Without clang the programs build without their kernel parts, which captures do not need.
offline) want="libpcap-dev pkg-config gcc make" ;;
demo) want="libpcap-dev clang libbpf-dev pkg-config gcc make iproute2 ethtool nftables" ;;
test) want="libpcap-dev clang libbpf-dev pkg-config gcc make iproute2 ethtool nftables tcpdump iperf3 postgresql python3 zstd chromium nfdump fonts-dejavu-core python3-venv r-base-core strace libfaketime haproxy" ;;
*) echo "usage: $0 build|demo|offline|test" >&2; exit 2 ;;
esac

if ! command -v cargo >/dev/null 2>&1; then
    echo "setup: Rust is missing. Install it from https://rustup.rs (stable, 1.94 or newer), then run this again." >&2
    exit 1
fi
if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "setup: this is not Debian or Ubuntu. Make sure that the equivalents of these are installed: $want" >&2
    exit 0
fi

# The Python packages of docs/recipes, in an environment of their own; without them the recipes' test says that it is skipped.
recipes() {
    [ "$what" = test ] || return 0
    [ -e target/recipes/done ] && return 0
    mkdir -p target
    log=$(mktemp)
    if python3 -m venv target/recipes >"$log" 2>&1 \
        && timeout 300 target/recipes/bin/pip install --quiet pandas pyarrow polars duckdb >>"$log" 2>&1; then
        touch target/recipes/done
    else
        echo "setup: no Python packages for docs/recipes ($(tail -n 1 "$log"))" >&2
    fi
    rm -f "$log"
}

# Docker for lab/compose/test.sh: where there is none and it can be had. Not in the list above, because other makers' packages conflict.
containers() {
    [ "$what" = test ] && [ "$(id -u)" = 0 ] || return 0
    command -v dockerd >/dev/null && { docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null; } && return 0
    echo "setup: installing docker.io, Compose and curl"
    log=$(mktemp)
    # Compose 2 has a package of its own in Ubuntu; elsewhere docker-compose is 1.29 or 2, as old as the release.
    if ! { apt-get update -qq && { apt-get install -y -qq --no-install-recommends docker.io docker-compose-v2 curl \
        || apt-get install -y -qq --no-install-recommends docker.io docker-compose curl; }; } >"$log" 2>&1; then
        echo "setup: no Docker for lab/compose/test.sh ($(tail -n 1 "$log"))" >&2
    fi
    rm -f "$log"
}

missing=""
for package in $want; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -z "$missing" ]; then
    recipes
    containers
    exit 0
fi

if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo"
else
    echo "setup: these packages are missing and you may not install them here. Ask for:" >&2
    echo "    sudo apt-get install$missing" >&2
    exit 1
fi
echo "setup: installing$missing"
log=$(mktemp)
if ! { $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    echo "setup: apt-get failed (see above). Install by hand:$missing" >&2
    exit 1
fi
rm -f "$log"
recipes
containers
