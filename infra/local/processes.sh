# Processes that outlive this script. Each has a name; $run/NAME.pid holds its id and when it started, so that another process that got
# the same id later is never taken for it.

pid_file() { echo "$run/$1.pid"; }

# "STATE STARTED" of a process, from /proc/PID/stat; nothing when there is none.
process_stat() {
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
    # The second field is the program's name in parentheses and may hold anything.
    read -ra stat <<<"${stat##*) }"
    echo "${stat[0]} ${stat[19]}"
}

# launch NAME LOG COMMAND...
launch() {
    local name=$1 log=$2 pid stat
    shift 2
    # Not the lock of "up" (9), and none of this script's surroundings that multidc would take for settings.
    : >>"$log"
    env -u MULTIDC_LOCAL setsid "$@" >>"$log" 2>&1 </dev/null 9>&- &
    pid=$!
    stat=$(process_stat "$pid")
    echo "$pid ${stat#* }" >"$(pid_file "$name")"
}

# The id of a process that runs (or is paused); nothing otherwise.
pid_of() {
    local pid started stat
    [ -f "$(pid_file "$1")" ] || return 0
    read -r pid started <"$(pid_file "$1")" || return 0
    stat=$(process_stat "$pid")
    [ "${stat#* }" = "$started" ] && [ "${stat%% *}" != Z ] && echo "$pid" || true
}

# running, paused, or stopped
state_of() {
    local pid stat
    pid=$(pid_of "$1")
    [ -n "$pid" ] || { echo stopped; return; }
    stat=$(process_stat "$pid")
    case ${stat%% *} in T | t) echo paused ;; "") echo stopped ;; *) echo running ;; esac
}

children_of() {
    local stat pid
    for stat in /proc/[0-9]*/stat; do
        { stat=$(<"$stat"); } 2>/dev/null || continue
        pid=${stat%% *}
        read -ra stat <<<"${stat##*) }"
        [ "${stat[1]}" != "$1" ] || echo "$pid"
    done
}

# kill_process NAME: kill -9 of it and its children (PostgreSQL's share memory with it), and wait until they are gone.
kill_process() {
    local pid each victims
    pid=$(pid_of "$1")
    if [ -n "$pid" ]; then
        # It is stopped first, so that it makes no more children meanwhile.
        kill -STOP "$pid" 2>/dev/null || true
        victims=$(children_of "$pid")
        # shellcheck disable=SC2086
        kill -KILL "$pid" $victims 2>/dev/null || true
        for each in $pid $victims; do
            while stat=$(process_stat "$each") && [ -n "$stat" ] && [ "${stat%% *}" != Z ]; do sleep 0.02; done
        done
    fi

    rm -f "$(pid_file "$1")"
}

# wait_for SECONDS NAME LOG WHAT CONDITION...: until CONDITION holds; tells the end of LOG when the process ends or the time is over.
wait_for() {
    local deadline=$((SECONDS + $1)) name=$2 log=$3 what=$4 reason=
    shift 4
    until "$@"; do
        if [ -z "$(pid_of "$name")" ]; then
            reason="$name ended before it $what"
        elif [ "$SECONDS" -ge "$deadline" ]; then
            reason="$name has not $what in time"
        else
            sleep 0.1
            continue
        fi

        printf 'local.sh: %s; the end of %s:\n' "$reason" "$log" >&2
        tail -n 15 "$log" | sed 's/^/    /' >&2
        exit $broken
    done
}
