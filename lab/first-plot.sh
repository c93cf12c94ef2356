#!/bin/bash
# The README's first ten minutes as a newcomer has them: the commands under that heading, in a fresh clone with an empty registry
# cache, each with its wall and processor time; fails if they take longer, or do not end in the figure.
# usage: lab/first-plot.sh [REPOSITORY]        what is cloned; without it: this one
set -euo pipefail
repository=${1:-$(cd "$(dirname "$0")/.." && pwd)}
work=$(mktemp -d -t sce-first.XXXXXX)
trap 'rm -rf "$work"' EXIT
export CARGO_HOME=$work/cargo CARGO_TERM_PROGRESS_WHEN=never
unset CARGO_TARGET_DIR RUSTFLAGS

# The first shell block below the heading; comments, and what needs root where there is none, are left out.
commands=$(awk '/^## The first ten minutes/ { on = 1 } on && /^```$/ { exit } on && sh { print } on && /^```sh$/ { sh = 1 }' \
    "$(dirname "$0")/../README.md" | sed 's/ *#.*//')
[ "$(id -u)" = 0 ] || commands=$(grep -v '^make demo$' <<<"$commands")
cd "$work"
begin=$SECONDS
table=""
TIMEFORMAT='%R %U %S'
while read -r command; do
    case $command in
    "git clone "*) run="git clone -q '$repository' sce" ;;
    "cd sce") cd sce; continue ;;
    *) run=$command ;;
    esac
    printf '== %s\n' "$command"
    { time bash -c "$run" </dev/null 2>&3; } 3>&2 2>"$work/time"
    read -r wall user system <"$work/time"
    table+=$(awk -v w="$wall" -v c="$user" -v s="$system" -v n="$command" 'BEGIN { printf "%8.1f %8.1f   %s", w, c + s, n }')$'\n'
done <<<"$commands"
figure=$work/sce/demo.svg
for word in throughput share RTT window; do
    grep -q ">$word" "$figure" || { echo "first-plot: $figure has no panel \`$word\`" >&2; exit 1; }
done
printf '\n%8s %8s   (load %s on %d cores)\n%s%8d            in all\n' "wall s" "CPU s" "$(cut -d' ' -f1 /proc/loadavg)" "$(nproc)" "$table" \
    $((SECONDS - begin))
[ $((SECONDS - begin)) -lt 600 ] || { echo "first-plot: more than ten minutes" >&2; exit 1; }
