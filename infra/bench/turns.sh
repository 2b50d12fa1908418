# Bringing the systems up, and their turns. All are up all the time; one is under load. What the others use meanwhile is written down too.

bring_up() {
    # Clients are in dc1: leaders too, as with etcd.
    local options=(--silos 1 --shards "$shards" --no-build --set MultiDc:PreferredLeaderDatacenters:0=dc1 "${settings[@]}")
    if [ "$network" = wan ]; then
        "$local_sh" check >/dev/null || die $not_permitted "a WAN is not permitted here: leave it out with --networks loopback"
    else
        options+=(--loopback)
    fi

    say "$network: starting three silos"
    "$local_sh" -q up "${options[@]}" >&2 || die $broken "MultiDc did not come up"
    local system
    for system in "${systems[@]}"; do
        case $system in multidc | ping) ;; *) "start_$system" ;; esac
    done

    wait_for_leaders
    for system in "${systems[@]}"; do load_keys "$system"; done
}

wait_for_leaders() {
    local deadline=$((SECONDS + 90))
    until [ "$("$local_sh" multidc dc1 status --json --timeout 30 | grep '"replica":"default/' | grep -c '"leader":"dc1"')" -eq $((3 * shards)) ]; do
        [ $SECONDS -lt $deadline ] || die $broken "the leaders have not moved to dc1"
        sleep 1
    done
}

take_down() {
    stop_servers
    "$local_sh" -q down >/dev/null 2>&1 || true
}

# bench SYSTEM WORKLOAD OPTION...: prints one JSON object.
bench() {
    local system=$1 workload=$2
    shift 2
    case $system in
        multidc) "$local_sh" multidc dc1 bench "$workload" --json "$@" ;;
        ping) "$local_sh" multidc dc1 bench ping --json "$@" ;;
        *) "bench_$system" "$workload" --json "$@" ;;
    esac 2>>"$results/progress.log"
}

# For long enough that .NET has compiled what is busy for good: it does so while a program runs, for a quarter of a minute at this load.
load_keys() {
    [ "$1" = ping ] || bench "$1" put --keys "$keys" --value-bytes "$value_bytes" --clients 64 --warm-up 0 --seconds 20 >/dev/null || die $broken "keys could not be loaded into $1; see $results/progress.log"
}

take_turns() {
    local round workload clients system order
    for round in $(seq "$rounds"); do
        for workload in "${workloads[@]}"; do
            for clients in "${client_counts[@]}"; do
                # Who comes first in one round comes last in the next.
                order=("${systems[@]}")
                [ $((round % 2)) -eq 1 ] || mapfile -t order < <(printf '%s\n' "${systems[@]}" | tac)
                for system in "${order[@]}"; do take_turn; done
            done
        done
    done
}

take_turn() {
    # A ping is a ping whatever the others do.
    [ "$system" != ping ] || [ "$workload" = "${workloads[0]}" ] || return 0
    local name=$workload file idle
    [ "$system" != ping ] || name=ping
    mkdir -p "$results/$network"
    file=$results/$network/$name,$clients,$system,$(next_number "$results/$network/$name,$clients,$system").json
    idle=$(ticks_of_others)
    bench "$system" "$workload" --no-load --keys "$keys" --value-bytes "$value_bytes" --clients "$clients" --warm-up "$warm_up" --seconds "$seconds" --seed "$round" >"$file.part" ||
        die $broken "$system, $name, $clients clients: failed; see $file.part and $results/progress.log"
    mv "$file.part" "$file"
    echo "$network $name $clients $system $(($(ticks_of_others) - idle)) $(getconf CLK_TCK) $(awk "BEGIN { print $warm_up + $seconds }")" >>"$results/idle.txt"
    say "$network round $round: $name, $clients clients, $system: $(sed -n 's/.*"operationsPerSecond":\([0-9.]*\).*/\1/p' "$file") operations/s"
    sleep "$settle"
}

# Results that are there already are kept.
next_number() {
    local number=1
    while [ -e "$1,$number.json" ]; do number=$((number + 1)); done
    echo $number
}
