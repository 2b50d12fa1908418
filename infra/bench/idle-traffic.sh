#!/usr/bin/env bash
# What idle shards cost between datacenters: see "idle-traffic.sh --help".
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
local_sh=$here/../local/local.sh
export MULTIDC_LOCAL=${MULTIDC_LOCAL:-$here/.run}

# As local.sh has them.
readonly wrong_usage=64 not_permitted=77 broken=70 interrupted=130

say() { printf '%s\n' "$*" >&2; }
die() {
    local code=$1
    shift
    printf 'idle-traffic.sh: %s\n' "$*" >&2
    exit "$code"
}

shard_counts=(16 512) seconds=60 settings=()

usage() {
    cat <<'EOF'
usage: idle-traffic.sh [OPTION...]      as root; counts what goes between idle datacenters, with few shards and with many

  --shards "16 512"            of the keyspace, one trial after the other; default: 16 and 512
  --seconds S                  how long it is counted; default: 60
  --set SECTION:KEY=VALUE      a setting of the silos; repeatable

Each trial brings three datacenters up with infra/local/local.sh (two silos each), writes a key to every shard, waits until nothing but the idle system's
own traffic is left (a shard falls silent a minute after its last request), counts, and takes them down.

exit codes: 0 counted; 64 wrong option; 70 something did not start; 77 no WAN is permitted here; 130 interrupted
EOF
}

while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage && exit 0 ;;
        --shards | --seconds | --set) [ $# -ge 2 ] || die $wrong_usage "$1 needs a value" ;;
        *) die $wrong_usage "'$1' is no option; \"idle-traffic.sh --help\" lists them" ;;
    esac
    case $1 in
        --shards)
            [[ $2 =~ ^\ *[1-9][0-9]*(\ +[1-9][0-9]*)*\ *$ ]] || die $wrong_usage "--shards '$2' is no list of positive whole numbers"
            read -ra shard_counts <<<"$2"
            ;;
        --seconds)
            [[ $2 =~ ^[1-9][0-9]*$ ]] || die $wrong_usage "--seconds '$2' is no positive whole number"
            seconds=$2
            ;;
        --set)
            [[ $2 == ?*=* ]] || die $wrong_usage "--set '$2' is not of the form Section:Key=Value"
            settings+=(--set "$2")
            ;;
    esac
    shift 2
done

# Packets and bytes of all directions together, so far.
sent() { "$local_sh" status --json | grep -oE '"sent(Packets|Bytes)":[0-9]+' | awk -F: '/Packets/ { packets += $2 } /Bytes/ { bytes += $2 } END { print packets, bytes }'; }

# rate SECONDS: packets and bytes a second.
rate() {
    local before after
    before=$(sent)
    sleep "$1"
    after=$(sent)
    awk -v s="$1" '{ printf "%.0f %.0f\n", ($3 - $1) / s, ($4 - $2) / s }' <<<"$before $after"
}

# Until two counts in a row differ by less than 3 percent.
wait_until_idle() {
    local before after deadline=$((SECONDS + 600))
    before=$(rate 15)
    while [ $SECONDS -lt $deadline ]; do
        after=$(rate 15)
        if awk '{ d = $2 - $4; if (d < 0) d = -d; exit !(d < 0.03 * $2) }' <<<"$before $after"; then return; fi
        before=$after
    done

    die $broken "the traffic did not become steady within 10 minutes"
}

"$local_sh" check >/dev/null || die $not_permitted "namespaces and a WAN are needed, and not permitted here"
trap 'exit $interrupted' INT TERM HUP
trap '"$local_sh" -q down >/dev/null 2>&1 || true' EXIT
printf '%8s %12s %12s\n' shards packets/s bytes/s
for shards in "${shard_counts[@]}"; do
    "$local_sh" -q up --shards "$shards" "${settings[@]}" >&2 || die $broken "the datacenters did not come up with $shards shards"
    say "$shards shards: writing to all of them"
    "$local_sh" multidc dc1 bench put --clients 32 --keys $((shards * 20)) --warm-up 0 --seconds 1 >/dev/null || die $broken "the shards could not be written to"
    say "$shards shards: waiting until they are silent"
    sleep 75
    wait_until_idle
    # shellcheck disable=SC2046
    printf '%8s %12s %12s\n' "$shards" $(rate "$seconds")
    "$local_sh" -q down >&2
done
