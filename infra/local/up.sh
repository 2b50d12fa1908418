# Bringing everything up, and taking everything down whatever state it is in.

mode=namespaces store=rocksdb silos_per_datacenter=2 shards=8 wan_only=0 shop=0 witness=0 jitter_ms=0
declare -A round_trip_ms=([dc1:dc2]=10 [dc1:dc3]=25 [dc2:dc3]=40)
settings=()
round_trips=()

readonly marker=$run/.multidc-local

up() {
    local build=1
    while [ $# -gt 0 ]; do
        case $1 in
            --loopback) mode=loopback ;;
            --wan-only) wan_only=1 ;;
            --shop) shop=1 ;;
            --witness) witness=1 ;;
            --no-build) build=0 ;;
            --store | --silos | --round-trip | --jitter | --shards | --set)
                [ $# -ge 2 ] || die $wrong_usage "up: $1 needs a value"
                take_option "$1" "$2"
                shift
                ;;
            *) die $wrong_usage "up: '$1' is no option; \"local.sh help\" lists them" ;;
        esac
        shift
    done

    [ "$mode" != loopback ] || [ $wan_only -eq 0 ] || die $wrong_usage "up: --loopback and --wan-only exclude each other"
    [ $shop -eq 0 ] || [ $wan_only -eq 0 ] || die $wrong_usage "up: --shop and --wan-only exclude each other"
    local pair
    for pair in "${!round_trip_ms[@]}"; do round_trips+=("$pair=${round_trip_ms[$pair]}"); done
    require_usable_folder
    lock
    if [ -f "$run/settings" ]; then
        (is_up up) 2>/dev/null && die $wrong_state "already up ($run); \"local.sh status\" shows it, \"local.sh down\" ends it"
        say "cleaning up after an \"up\" that did not end well"
        take_down
    fi

    trap 'exit $interrupted' INT TERM HUP
    trap 'end_of_up $?' EXIT
    rm -rf "$run"
    mkdir -p "$run"
    touch "$marker"
    choose_mode
    write_settings starting
    printf '%s\n' "${settings[@]}" | sed '/^$/d' >"$run/silo-settings"
    (umask 077 && head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$run/silo-key")
    require_packages
    if [ $build -eq 1 ]; then build; else require_built; fi
    bring_up
    write_settings up
    trap - EXIT INT TERM HUP
    [ "$quiet" -eq 1 ] || print_status
}

take_option() {
    case $1 in
        --store) is_one_of "$2" rocksdb postgres || die $wrong_usage "up: there is no store '$2'; there are rocksdb and postgres" ;;&
        --store) store=$2 ;;
        --silos)
            is_one_of "$2" 1 2 || die $wrong_usage "up: --silos '$2' is neither 1 nor 2"
            silos_per_datacenter=$2
            ;;
        --round-trip)
            [[ $2 =~ ^(dc[123]):(dc[123])=([0-9]+(\.[0-9]+)?)$ && ${BASH_REMATCH[1]} != "${BASH_REMATCH[2]}" ]] ||
                die $wrong_usage "up: --round-trip '$2' is not of the form dc1:dc2=10"
            if [[ ${BASH_REMATCH[1]} < ${BASH_REMATCH[2]} ]]; then
                round_trip_ms[${BASH_REMATCH[1]}:${BASH_REMATCH[2]}]=${BASH_REMATCH[3]}
            else
                round_trip_ms[${BASH_REMATCH[2]}:${BASH_REMATCH[1]}]=${BASH_REMATCH[3]}
            fi
            ;;
        --jitter)
            [[ $2 =~ ^[0-9]+(\.[0-9]+)?$ ]] || die $wrong_usage "up: --jitter '$2' is no number of milliseconds"
            jitter_ms=$2
            ;;
        --shards)
            [[ $2 =~ ^[1-9][0-9]*$ ]] || die $wrong_usage "up: --shards '$2' is no number of shards"
            shards=$2
            ;;
        --set)
            [[ $2 == ?*=* ]] || die $wrong_usage "up: --set '$2' is not of the form Section:Key=Value"
            settings+=("$2")
            ;;
    esac
}

# Everything below the folder is deleted by "down", so it must be ours.
require_usable_folder() {
    [[ ! $run =~ [^A-Za-z0-9_./+@=,-] ]] || die $wrong_usage "the folder $run has characters that this does not bear; name another with MULTIDC_LOCAL"
    [ ${#run} -le 90 ] || die $wrong_usage "the folder $run has too long a name for a Unix socket in it; name a shorter one with MULTIDC_LOCAL"
    [ ! -e "$run" ] || [ -e "$marker" ] || [ -z "$(ls -A "$run" 2>/dev/null)" ] && { [ ! -e "$run" ] || [ -d "$run" ]; } ||
        die $wrong_usage "$run is there and was not made by this; name another folder with MULTIDC_LOCAL"
}

# Of "up" and "down" one at a time, in this folder. Nothing is made for it: the parent folder itself is locked.
lock() {
    mkdir -p "$(dirname "$run")"
    exec 9<"$(dirname "$run")"
    if ! flock -n 9; then
        say "waiting for another \"up\" or \"down\""
        flock -w 600 9 || die $wrong_state "another \"up\" or \"down\" does not end"
    fi
}

readonly what_namespaces_take="network namespaces with TUN devices are not permitted here (they take root, CAP_NET_ADMIN, CAP_SYS_ADMIN and /dev/net/tun)"

choose_mode() {
    [ "$mode" = namespaces ] || return 0
    find_ip
    ! namespaces_permitted || return 0
    [ $wan_only -eq 0 ] || die $not_permitted "up: $what_namespaces_take"
    mode=loopback
    say "$what_namespaces_take: plain processes on 127.0.0.1 instead, without a WAN"
}

check() {
    no_more_than 0 check "$@"
    find_ip
    namespaces_permitted || die $not_permitted "$what_namespaces_take"
    say "network namespaces and a WAN are permitted here"
}

find_ip() { command -v ip >/dev/null || [ "$(id -u)" -ne 0 ] || install_packages iproute2; }

bring_up() {
    local dc silo
    if [ "$mode" = namespaces ]; then
        make_namespaces
        start_wan
    fi

    [ $wan_only -eq 0 ] || return 0
    say "starting Redis$([ "$store" != postgres ] || echo " and PostgreSQL") and $([ "$silos_per_datacenter" -eq 1 ] && echo "one silo" || echo "two silos") in each datacenter"
    for dc in "${datacenters[@]}"; do
        start_redis "$dc"
        [ "$store" != postgres ] || start_postgres "$dc"
    done

    for silo in $(all_silos); do
        write_configuration "$silo"
        launch_silo "$silo"
    done

    for silo in $(all_silos); do wait_for_silo "$silo"; done
    wait_for $silo_patience_seconds "${datacenters[0]}-a" "$(silo_folder "${datacenters[0]}-a")/silo.log" "seen all replicas run" system_ready
    [ "$shop" -eq 0 ] || start_shops
}

end_of_up() {
    local code=$1
    trap '' INT TERM HUP
    trap - EXIT
    if [ "$code" -eq $interrupted ]; then
        echo "local.sh: interrupted; taking down what was up" >&2
        take_down
    else
        take_down --keep
        echo "local.sh: nothing is up; the logs are in $run until the next \"up\" or \"down\"" >&2
    fi

    exit "$code"
}

down() {
    case ${1:-} in "" | --keep) ;; *) die $wrong_usage "down: '$1' is no option; there is --keep" ;; esac
    no_more_than 1 down "$@"
    lock
    local dc inode
    for dc in "${datacenters[@]}"; do
        inode=$(stat -Lc %i "/run/netns/$(namespace_of "$dc")" 2>/dev/null) || continue
        [ "$inode" != "$(stat -Lc %i /proc/self/ns/net)" ] || die $wrong_state "down: not from within $dc, where it would end itself"
    done

    if [ ! -e "$marker" ] && [ -z "$(our_namespaces)" ]; then
        say "nothing is up ($run)"
        return
    fi

    take_down "$@"
    if [ "${1:-}" = --keep ]; then say "all down; logs and stores are in $run"; else say "all down"; fi
}

our_namespaces() { find /run/netns -maxdepth 1 -name "$instance-*" -printf '%f\n' 2>/dev/null || true; }

# Ends everything, also when only half of it is there, and deletes the folder unless --keep is given.
take_down() {
    set +e
    local dc each namespace
    for each in "${possible_silos[@]}" wan "${shop_datacenters[@]/%/-shop}"; do kill_process "$each"; done
    for dc in "${datacenters[@]}"; do
        kill_process "$dc-redis"
        kill_process "$dc-postgres"
        find_postgres_user
        remove_shared_memory "$dc"
    done

    for namespace in $(our_namespaces); do
        # What was started there with "exec".
        for each in $(ip netns pids "$namespace" 2>/dev/null); do kill -KILL "$each"; done
        ip netns delete "$namespace"
    done

    rm -f "$run/settings" "$run/wan.socket"
    if [ "${1:-}" != --keep ] && [ -e "$marker" ]; then rm -rf "$run"; fi
    set -e
}
