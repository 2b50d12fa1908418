#!/usr/bin/env bash
# MultiDc and other systems on this machine, by turns, under the same load: see infra/bench/README.md, or "compare.sh --help".
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
local_sh=$root/infra/local/local.sh
comparison=$root/tests/MultiDc.Comparison/bin/Release/net10.0/MultiDc.Comparison
servers=$root/tests/MultiDc.Comparison.Servers/bin/Release/net10.0/MultiDc.Comparison.Servers
export MULTIDC_LOCAL=${MULTIDC_LOCAL:-$here/.run}

# As local.sh has them.
readonly wrong_usage=64 missing=69 broken=70 not_permitted=77 interrupted=130

say() { printf '%s\n' "$*" >&2; }
die() {
    local code=$1
    shift
    printf 'compare.sh: %s\n' "$*" >&2
    exit "$code"
}

is_one_of() {
    local name=$1 each
    shift
    for each in "$@"; do [ "$each" != "$name" ] || return 0; done
    return 1
}

# Those of infra/local: installed without their services being started.
# shellcheck source-path=SCRIPTDIR
source "$here/../local/packages.sh"
source "$here/servers.sh"
source "$here/etcd.sh"
source "$here/postgres.sh"
source "$here/grain.sh"
source "$here/dotnext.sh"
source "$here/turns.sh"

rounds=5 seconds=10 warm_up=5 settle=1 keys=10000 value_bytes=256 shards=8 connections=3 silo_connections=32 postgres_connections=64 build=1
networks=(loopback wan)
workloads=(put get ycsb-b)
client_counts=(1 64 256)
systems=(multidc etcd)
settings=()
results=

usage() {
    cat <<'EOF'
usage: compare.sh [OPTION...]      measures MultiDc, etcd and others by turns; prints a table, writes raw results and plots

  --networks "loopback wan"        loopback: no delay; wan: 10, 25 and 40 ms through infra/local's WAN (as root); default: both
  --workloads "put get ycsb-b"     as "multidc bench --help" lists them
  --clients "1 64 256"             logical clients, in one process
  --systems "multidc etcd"         also: grain (Orleans grains with their state in one PostgreSQL), postgres (with two synchronous standbys),
                                   dotnext (the Raft of DotNext.Net.Cluster), ping (the no-op Orleans call of MultiDc's silos, the ceiling)
  --rounds N                       turns of each system; figures are medians; default: 5
  --seconds S  --warm-up S         of each turn; default: 10 and 5
  --settle S                       pause after each turn, for what is written behind; default: 1
  --keys N  --value-bytes N        default: 10000 and 256
  --shards N                       of MultiDc's keyspace; default: 8
  --connections N                  of etcd's and DotNext's client, to the leader; MultiDc's has one to each datacenter; default: 3
  --postgres-connections N         of PostgreSQL's client, to the primary, at most; default: 64
  --silo-connections N             of each silo of "grain", to PostgreSQL, at most; default: 32
  --set SECTION:KEY=VALUE          a setting of MultiDc's silos, such as MultiDc:LeaderLeases=true; repeatable
  --results FOLDER                 where results go, beside those that are there already; default: infra/bench/results/<time>
  --no-build                       use what is built

exit codes: 0 measured; 64 wrong option; 69 a program or package is missing; 70 something did not start or a turn failed;
            77 no WAN is permitted here; 130 interrupted
EOF
}

take_options() {
    while [ $# -gt 0 ]; do
        case $1 in
            --help | -h) usage && exit 0 ;;
            --no-build) build=0 && shift && continue ;;
            --networks | --workloads | --clients | --systems | --rounds | --seconds | --warm-up | --settle | --keys | --value-bytes | --shards | --connections | --postgres-connections | --silo-connections | --set | --results)
                [ $# -ge 2 ] || die $wrong_usage "$1 needs a value"
                ;;
            *) die $wrong_usage "'$1' is no option; \"compare.sh --help\" lists them" ;;
        esac
        take_option "$1" "$2"
        shift 2
    done
}

take_option() {
    case $1 in
        --rounds | --keys | --shards | --connections | --postgres-connections | --silo-connections) [[ $2 =~ ^[1-9][0-9]*$ ]] || die $wrong_usage "$1 '$2' is no positive whole number" ;;
        --value-bytes) [[ $2 =~ ^[0-9]+$ ]] || die $wrong_usage "$1 '$2' is no whole number" ;;
        --seconds | --warm-up | --settle) [[ $2 =~ ^[0-9]+(\.[0-9]+)?$ ]] || die $wrong_usage "$1 '$2' is no number of seconds" ;;
        --set) [[ $2 == ?*=* ]] || die $wrong_usage "--set '$2' is not of the form Section:Key=Value" ;;
        --networks) require_words "$1" "$2" loopback wan ;;
        --systems) require_words "$1" "$2" multidc etcd grain postgres dotnext ping ;;
        --workloads) require_words "$1" "$2" put get ycsb-a ycsb-b ycsb-c ycsb-f ;;
        --clients) [[ $2 =~ ^\ *[1-9][0-9]*(\ +[1-9][0-9]*)*\ *$ ]] || die $wrong_usage "--clients '$2' is no list of positive whole numbers" ;;
    esac
    case $1 in
        --rounds) rounds=$2 ;;
        --seconds) seconds=$2 ;;
        --warm-up) warm_up=$2 ;;
        --settle) settle=$2 ;;
        --keys) keys=$2 ;;
        --value-bytes) value_bytes=$2 ;;
        --shards) shards=$2 ;;
        --connections) connections=$2 ;;
        --postgres-connections) postgres_connections=$2 ;;
        --silo-connections) silo_connections=$2 ;;
        --results) results=$2 ;;
        --set) settings+=(--set "$2") ;;
        --networks) read -ra networks <<<"$2" ;;
        --workloads) read -ra workloads <<<"$2" ;;
        --clients) read -ra client_counts <<<"$2" ;;
        --systems) read -ra systems <<<"$2" ;;
    esac
}

# require_words OPTION VALUE WORD...
require_words() {
    local option=$1 value=$2 word
    shift 2
    [ -n "${value// /}" ] || die $wrong_usage "$option names nothing; there are $*"
    for word in $value; do
        is_one_of "$word" "$@" || die $wrong_usage "$option: there is no '$word'; there are $*"
    done
}

build_all() {
    command -v dotnet >/dev/null ||
        die $missing "the .NET SDK $(sed -n 's/.*"version": "\(.*\)".*/\1/p' "$root/global.json") is needed, and dotnet is not on the PATH"
    say "building"
    # The last one brings MultiDc.Comparison.Servers with it.
    local project
    for project in src/MultiDc.Host src/MultiDc.Wan tests/MultiDc.Comparison; do
        (cd "$root" && DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 \
            dotnet build "$project" --configuration Release --verbosity quiet --nologo -clp:NoSummary -p:RestoreLockedMode=true) >&2 || die $broken "the build of $project failed"
    done
}

main() {
    take_options "$@"
    results=$(realpath -m "${results:-$here/results/$(date -u +%Y%m%dT%H%M%SZ)}")
    [ $build -eq 0 ] || build_all
    [ -x "$comparison" ] || die $missing "$comparison is not built: leave out --no-build"
    local system
    for system in "${systems[@]}"; do
        case $system in multidc | ping) ;; *) "require_$system" ;; esac
    done

    mkdir -p "$results"
    trap 'exit $interrupted' INT TERM HUP
    trap take_down EXIT
    for network in "${networks[@]}"; do
        bring_up
        take_turns
        take_down
    done

    "$comparison" table "$results"
}

main "$@"
