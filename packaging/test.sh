#!/bin/bash
# Builds the Debian packages and lives with them: installs, configures, runs, upgrades, removes and purges them, on a copy of
# this machine's root that is gone afterwards (an overlay in a mount namespace). Needs root. Exit code 77: cannot be done here.
# usage: packaging/test.sh BINARIES
set -euo pipefail
cd "$(dirname "$0")/.."
binaries=$(realpath "$1")

if [ -z "${SCE_INSIDE:-}" ]; then
    [ "$(id -u)" = 0 ] && command -v dpkg-deb >/dev/null && unshare -m true 2>/dev/null \
        || { echo "SKIP packages: needs root, mount namespaces and dpkg"; exit 77; }
    SCE_INSIDE=1 exec unshare -m --propagation private "$0" "$binaries"
fi

fail() { echo "packages: $*" >&2; exit 1; }
work=$(mktemp -d)
# The mounts end with the namespace.
trap 'umount -lR "$work/disk" "$work/root" 2>/dev/null; rm -rf "$work"' EXIT
mkdir "$work/disk" "$work/root" "$work/deb"
mount -t tmpfs sce "$work/disk"
mkdir "$work/disk/upper" "$work/disk/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/disk/upper,workdir=$work/disk/work" "$work/root" 2>/dev/null \
    || { echo "SKIP packages: no overlay over / on this machine"; exit 77; }
mount --rbind /proc "$work/root/proc"
mount --rbind /dev "$work/root/dev"
mount -t tmpfs sce "$work/root/run"
mount -t tmpfs sce "$work/root/tmp"
inside() { chroot "$work/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }

export SCE_DEB_COMPRESSION=none
packaging/build.sh "$binaries" "$work/deb" 1.0 >/dev/null
cp "$work"/deb/*.deb "$work/root/tmp/"
arch=$(dpkg --print-architecture)
inside dpkg --force-depends -i "/tmp/sce-cli_1.0_$arch.deb" "/tmp/sce-collector_1.0_$arch.deb" "/tmp/sce-probe_1.0_$arch.deb" >/dev/null
for name in sce-probe sce-collector sce-cli; do
    inside dpkg -V "$name" | grep -v conffile && fail "$name: installed files differ from the package"
    inside "$name" --version >/dev/null
    for kind in man/man1 bash-completion/completions; do
        case "$(inside dpkg -L "$name")" in *"/usr/share/$kind/"*) ;; *) fail "$name: nothing in $kind" ;; esac
    done
done
for name in sce-probe sce-collector; do
    inside id "$name" >/dev/null
    [ "$(inside stat -c %U:%G:%a /etc/sce/"${name#sce-}.toml")" = "root:$name:640" ] || fail "$name: its configuration is open to others"
    # Both units are valid, and confined well beyond the default (9.6).
    inside systemd-analyze verify --man=no "/lib/systemd/system/$name.service" || fail "$name: the unit is not valid"
    exposure=$(inside systemd-analyze security --offline=true --threshold=35 "$name.service" --no-pager | tail -n 1) \
        || fail "$name: $exposure"
    echo "$exposure"
done
inside test -L /etc/systemd/system/multi-user.target.wants/sce-collector.service || fail "the collector does not start with the machine"
inside test ! -e /etc/systemd/system/multi-user.target.wants/sce-probe.service || fail "a probe starts before it is told what to capture"

# The configurations that come with them work, as the users that they run as.
config() { inside sce-collector config --config /etc/sce/collector.toml; }
case "$(config)" in *'db = "/var/lib/sce-collector/sce.db"'*) ;; *) fail "the collector's configuration: $(config)" ;; esac
inside install -d -o sce-collector -m 750 /var/lib/sce-collector
inside install -d -o sce-probe -m 700 /var/lib/sce-probe
inside setpriv --reuid sce-collector --regid sce-collector --clear-groups sce-collector migrate --config /etc/sce/collector.toml >/dev/null
inside setpriv --reuid sce-collector --regid sce-collector --clear-groups sce-collector db verify --config /etc/sce/collector.toml >/dev/null

# An upgrade keeps what was changed, and brings what was not.
echo 'retention = "7d"' >>"$work/root/etc/sce/collector.toml"
packaging/build.sh "$binaries" "$work/deb" 1.1 >/dev/null
cp "$work"/deb/*_1.1_*.deb "$work/root/tmp/"
inside dpkg --force-depends -i "/tmp/sce-collector_1.1_$arch.deb" "/tmp/sce-probe_1.1_$arch.deb" >/dev/null
case "$(config)" in *'retention = '*) ;; *) fail "an upgrade lost the configuration" ;; esac
[ "$(inside dpkg-query -W -f '${Version}' sce-collector)" = 1.1 ] || fail "not upgraded"

# Removed, the records stay; purged, nothing does.
inside dpkg -r sce-probe sce-collector sce-cli >/dev/null
inside test -e /var/lib/sce-collector/sce.db -a -e /etc/sce/collector.toml || fail "a removal took records or configuration"
inside test ! -e /usr/bin/sce-collector || fail "a removal left the program"
inside dpkg -P sce-probe sce-collector >/dev/null
for gone in /etc/sce /var/lib/sce-collector /var/lib/sce-probe /lib/systemd/system/sce-probe.service; do
    inside test ! -e "$gone" || fail "a purge left $gone"
done
inside getent passwd sce-probe sce-collector >/dev/null && fail "a purge left a user"
echo "packages: built, installed, configured, upgraded, removed and purged"
