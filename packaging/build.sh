#!/bin/sh
# Debian packages of sce-probe, sce-collector and sce-cli from binaries that are built already.
# usage: packaging/build.sh BINARIES OUT [VERSION]       for instance: packaging/build.sh target/release target/deb
# SCE_DEB_COMPRESSION=none makes large packages quickly.
# A script over dpkg-deb: cargo-deb would have to be compiled first, which takes longer than everything here.
set -eu

binaries=${1:?the directory of the binaries}
out=${2:?the directory for the packages}
here=$(dirname "$0")
version=${3:-$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/../Cargo.toml" | head -n 1)}
arch=$(dpkg --print-architecture)
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

for name in sce-probe sce-collector sce-cli; do
    root=$work/$name
    mkdir -p "$root/DEBIAN" "$root/usr/bin" "$root/usr/share/doc/$name" "$root/usr/share/man/man1" \
        "$root/usr/share/bash-completion/completions" "$root/usr/share/zsh/vendor-completions" \
        "$root/usr/share/fish/vendor_completions.d"
    strip -o "$root/usr/bin/$name" "$binaries/$name"
    chmod 755 "$root/usr/bin/$name"
    case "$name" in
    sce-collector) "$binaries/$name" man >"$root/usr/share/man/man1/$name.1" ;;
    *) "$binaries/$name" man "$root/usr/share/man/man1" >/dev/null ;;
    esac
    gzip -9n "$root"/usr/share/man/man1/*.1
    "$binaries/$name" completions bash >"$root/usr/share/bash-completion/completions/$name"
    "$binaries/$name" completions zsh >"$root/usr/share/zsh/vendor-completions/_$name"
    "$binaries/$name" completions fish >"$root/usr/share/fish/vendor_completions.d/$name.fish"
    cat "$here/../LICENSE-MIT" "$here/../LICENSE-APACHE" >"$root/usr/share/doc/$name/copyright"
    case "$name" in
    sce-probe) config=probe.toml ;;
    sce-collector) config=collector.toml ;;
    *) config= ;;
    esac
    if [ -n "$config" ]; then
        mkdir -p "$root/lib/systemd/system" "$root/etc/sce"
        cp "$here/$name.service" "$root/lib/systemd/system/"
        cp "$here/$config" "$root/etc/sce/"
        echo "/etc/sce/$config" >"$root/DEBIAN/conffiles"
        for script in postinst prerm postrm; do
            sed "s/@NAME@/$name/g" "$here/$script" >"$root/DEBIAN/$script"
            chmod 755 "$root/DEBIAN/$script"
        done
    fi
    size=$(du -sk --exclude=DEBIAN "$root" | cut -f 1)
    sed -e "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/" "$here/$name.control" >"$root/DEBIAN/control"
    (cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
    dpkg-deb --root-owner-group -Z"${SCE_DEB_COMPRESSION:-gzip}" --build "$root" "$out/${name}_${version}_$arch.deb"
done
