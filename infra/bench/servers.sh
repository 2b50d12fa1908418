# Server processes that compare.sh starts itself, and what they use.

declare -A server_pids=()
postgres_pids=()

# address_in DATACENTER-NUMBER
address_in() { if [ "$network" = wan ]; then echo "10.77.$1.1"; else echo 127.0.0.1; fi; }

# start_server SYSTEM DATACENTER-NUMBER LOG COMMAND...: leaves its process in started_pid. Those of .NET are to leave nothing in /tmp when they are killed: DOTNET_EnableDiagnostics=0.
start_server() {
    local system=$1 n=$2 log=$3
    shift 3
    # There at once for whoever looks into it.
    : >"$log"
    setsid "$local_sh" exec "dc$n" "$@" </dev/null >"$log" 2>&1 &
    started_pid=$!
    server_pids[$system]+=" $started_pid"
    # Its end is no news.
    disown $started_pid
}

# wait_for_server SECONDS PID LOG CONDITION...
wait_for_server() {
    local deadline=$((SECONDS + $1)) pid=$2 log=$3
    shift 3
    until "$@"; do
        if ! kill -0 "$pid" 2>/dev/null || [ $SECONDS -ge $deadline ]; then
            tail -n 15 "$log" >&2
            die $broken "a server ended, or did not come up in time; above is the end of $log"
        fi

        sleep 0.2
    done
}

stop_servers() {
    local system pid deadline=$((SECONDS + 10))
    # An immediate shutdown takes PostgreSQL's other processes and its shared memory with it; kill -9 would not.
    for pid in "${postgres_pids[@]}"; do kill -QUIT "$pid" 2>/dev/null || true; done
    for pid in "${postgres_pids[@]}"; do
        while kill -0 "$pid" 2>/dev/null && [ $SECONDS -lt $deadline ]; do sleep 0.1; done
    done

    for system in "${!server_pids[@]}"; do
        for pid in ${server_pids[$system]}; do kill -KILL "$pid" 2>/dev/null || true; done
    done

    server_pids=()
    postgres_pids=()
}

# Processor time of all systems but the one under load, in clock ticks.
ticks_of_others() {
    local pids=() file other each
    if [ "$system" != multidc ] && [ "$system" != ping ]; then
        for file in "$MULTIDC_LOCAL"/dc?-a.pid; do pids+=("$(cut -d' ' -f1 "$file")"); done
    fi

    for other in "${!server_pids[@]}"; do
        [ "$other" = "$system" ] || for each in ${server_pids[$other]}; do pids+=("$each"); done
    done

    # Of processes and their children. The second field of a line may hold anything but ends at the last parenthesis.
    { cat /proc/[0-9]*/stat 2>/dev/null || true; } | awk -v pids="${pids[*]}" '
        BEGIN { split(pids, list, " "); for (i in list) wanted[list[i]] = 1 }
        { id = $1; sub(/^.*\) /, ""); split($0, field, " "); if (id in wanted || field[2] in wanted) ticks += field[12] + field[13] + field[14] + field[15] }
        END { print ticks + 0 }'
}
