#!/bin/sh
# A root file system of this machine's own programs, for images on a machine without an image registry: the programs with the
# libraries that they need, and nothing else. Binaries that were built here find the C library that they were linked with.
# usage: lab/compose/rootfs.sh DIR PROGRAM...        DIR: empty; PROGRAM: a name in PATH, or the path of a file
set -eu
root=$1
shift
mkdir -p "$root/usr" "$root/tmp" "$root/etc" "$root/run" "$root/proc" "$root/sys" "$root/dev"
chmod 1777 "$root/tmp"
# As on this machine: /bin, /lib and the like are names of what lies in /usr, or directories of their own.
for dir in bin sbin lib lib64; do
    if [ -L "/$dir" ]; then
        mkdir -p "$root/usr/$dir"
        ln -s "usr/$dir" "$root/$dir"
    fi
done
copy() { [ -e "$root$1" ] || cp -L --parents "$1" "$root"; }
for program in "$@"; do
    path=$(command -v "$program") || { echo "rootfs: $program is not installed here" >&2; exit 1; }
    case $path in /*) ;; *) path=$(realpath "$path") ;; esac
    # A program outside of the system's directories is put on top later: only its libraries belong here.
    case $path in /bin/* | /sbin/* | /usr/*) copy "$path" ;; esac
    # A script has no libraries, and ldd says so by its exit code.
    for library in $(ldd "$path" 2>/dev/null | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^\//) print $i }'); do copy "$library"; done
done
printf 'root:x:0:0:root:/:/bin/sh\nsce:x:65532:65532:sce:/:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nsce:x:65532:\n' >"$root/etc/group"
