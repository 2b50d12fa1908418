#!/usr/bin/env bash
# Three datacenters on this machine, joined by a WAN that can be cut and slowed: see infra/README.md, or "local.sh help".
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
run=$(realpath -m "${MULTIDC_LOCAL:-$here/.run}")
quiet=0

# Part of the interface, as are the verbs; from 64 up they are those of sysexits.h.
readonly wrong_usage=64 missing=69 broken=70 wrong_state=75 not_permitted=77 interrupted=130

say() { [ "$quiet" -eq 1 ] || printf '%s\n' "$*"; }
die() {
    local code=$1
    shift
    printf 'local.sh: %s\n' "$*" >&2
    exit "$code"
}

# shellcheck source-path=SCRIPTDIR
source "$here/names.sh"
source "$here/processes.sh"
source "$here/packages.sh"
source "$here/network.sh"
source "$here/services.sh"
source "$here/silos.sh"
source "$here/shops.sh"
source "$here/status.sh"
source "$here/up.sh"

usage() {
    cat <<'EOF'
usage: local.sh [-q] VERB [ARGUMENT...]            -q: no output but errors and what was asked for

  up [OPTION...]           bring up three datacenters (dc1, dc2, dc3), with silos dc1-a, dc1-b, ...
     --store rocksdb|postgres   where replicas are kept; default: rocksdb, a folder for each silo
     --silos 1|2                silos in each datacenter; default: 2
     --round-trip A:B=MS        round trip between two datacenters, in ms; default: dc1:dc2=10 dc1:dc3=25 dc2:dc3=40
     --jitter MS                by how much each direction's delay may differ; default: 0
     --shards N                 shards of the keyspace "default"; default: 8
     --witness                  dc3 is a witness with one silo: it votes and holds no data
     --shop                     the sample web app too, in dc1 and dc2
     --set SECTION:KEY=VALUE    a setting of every silo, as "multidc run --set" takes it
     --loopback                 plain processes on 127.0.0.1, no WAN; chosen by itself where namespaces are not permitted
     --wan-only                 namespaces and WAN, nothing in them
     --no-build                 use what is built
  down [--keep]            end everything and delete its folder; --keep leaves the folder until the next up
  status [--json]          what runs where, and the links
  check                    whether namespaces and a WAN are permitted here

  multidc DC COMMAND...    run "multidc COMMAND" in a datacenter, with its configuration: local.sh multidc dc1 put greeting hello
  exec DC COMMAND...       run a program in a datacenter's network

  cut DC [DC2]             nothing gets through between DC and the others (or DC2)
  cut-oneway FROM [TO]     nothing gets from FROM to the others (or TO); the other direction stays open
  slow DC MS               every round trip to and from DC takes MS ms longer
  link FROM TO OPTION...   other rules of one direction: --loss 0.01 --duplicate 0.01 --reorder 0.05 --delay-ms 80 --jitter-ms 5
  heal [DC]                the links (of DC) are again as after up

  kill SILO                kill -9          stop SILO      SIGTERM, and wait until it has ended
  pause SILO               SIGSTOP          resume SILO    SIGCONT
  start SILO [--no-wait]   start it again, and wait until it serves
  wipe SILO                delete the data folder of a silo that does not run
  kill-dc DC               kill -9 of all silos and servers of a datacenter; its disks stay, and so does its shop
  start-dc DC              start all of it again
  kill-redis DC            start-redis DC        kill-postgres DC      start-postgres DC

exit codes: 0 done; 64 wrong verb or name; 69 a program or package is missing; 70 something did not start, or ended by itself;
            75 not up, already up, or not in the state for this; 77 no WAN here (loopback mode); 130 interrupted.
            multidc and exec end with the exit code of what they ran.
The state is kept in infra/local/.run, or in the folder that MULTIDC_LOCAL names: each such folder is a trial of its own.
EOF
}

main() {
    if [ "${1:-}" = -q ]; then
        quiet=1
        shift
    fi

    local verb=${1:-help}
    shift || true
    case $verb in
        help | --help | -h) usage ;;
        up) up "$@" ;;
        down) down "$@" ;;
        check) check "$@" ;;
        status) is_up "$verb" && status "$@" ;;
        multidc) is_up "$verb" && run_multidc "$@" ;;
        exec) is_up "$verb" && run_inside "$@" ;;
        cut | cut-oneway | slow | link | heal) is_up "$verb" && change_links "$verb" "$@" ;;
        kill | stop | pause | resume | start | wipe) is_up "$verb" && change_silo "$verb" "$@" ;;
        kill-dc | start-dc | kill-redis | start-redis | kill-postgres | start-postgres) is_up "$verb" && change_datacenter "$verb" "$@" ;;
        *) die $wrong_usage "there is no verb '$verb'; \"local.sh help\" lists them" ;;
    esac
}

change_silo() {
    local verb=$1
    require_silo "$verb" "${2:-}"
    shift
    case $verb in
        start) start_silo "$@" ;;
        *) no_more_than 1 "$verb" "$@" && "${verb}_silo" "$1" ;;
    esac
}

change_datacenter() {
    local verb=$1 dc=${2:-}
    require_datacenter "$verb" "$dc"
    shift
    no_more_than 1 "$verb" "$@"
    [[ $verb != *-postgres || $store = postgres ]] || die $wrong_state "no PostgreSQL runs here: it takes \"up --store postgres\""
    case $verb in
        kill-dc) kill_datacenter "$dc" ;;
        start-dc) start_datacenter "$dc" ;;
        kill-*) kill_service "${verb#kill-}" "$dc" ;;
        start-*) start_service "${verb#start-}" "$dc" ;;
    esac
}

run_multidc() {
    local dc=${1:-} command=${2:-}
    require_datacenter multidc "$dc"
    shift
    [ -n "$command" ] || die $wrong_usage "multidc needs a command, such as: local.sh multidc $dc status"
    shift
    local arguments=("$command") configuration=(--config "$(silo_folder "$dc-a")/appsettings.json")
    [[ " $* " != *" --config "* && " $* " != *" --gateway "* ]] || configuration=()
    case $command in
        get | put | delete | cas | add | batch | scan | watch | load | bench | status) arguments+=("${configuration[@]}") ;;
        keyspace)
            # The option belongs to what comes behind it: create, list, ...
            case ${1:-} in [a-z]*) arguments+=("$1" "${configuration[@]}") && shift ;; esac
            ;;
    esac
    inside "$dc"
    exec "${prefix[@]}" "$multidc" "${arguments[@]}" "$@"
}

run_inside() {
    local dc=${1:-}
    require_datacenter exec "$dc"
    shift
    [ $# -gt 0 ] || die $wrong_usage "exec needs a program, such as: local.sh exec $dc ip address"
    inside "$dc"
    exec "${prefix[@]}" "$@"
}

main "$@"
