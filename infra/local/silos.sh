# The silos: "multidc run", each in a folder of its own with its configuration, log and store.

readonly silo_patience_seconds=180

write_configuration() {
    local silo=$1 dc keep=
    dc=$(datacenter_of "$silo")
    mkdir -p "$(silo_folder "$silo")"
    case $store in
        rocksdb) keep='"Store": "Embedded"' ;;
        postgres) keep="\"Store\": \"Postgres\", \"Postgres\": \"Host=$(address_of "$dc");Port=$(postgres_port "$dc");Username=multidc;Database=multidc;SSL Mode=Disable\"" ;;
    esac
    cat >"$(silo_folder "$silo")/appsettings.json" <<EOF
{
  "MultiDc": {
    "ClusterId": "multidc-local",
    "SiloKey": "$(<"$run/silo-key")",
    "Datacenter": "$dc",
    "DataFolder": "$(silo_folder "$silo")/store",
    "Datacenters": [
$(gateways_of_all)
    ],
    "Keyspaces": [{ "Name": "default", "ShardCount": $shards }]
  },
  "Silo": {
    "Name": "$silo",
    "Address": "$(address_of "$dc")",
    "SiloPort": $(silo_port "$silo"),
    "GatewayPort": $(gateway_port "$silo"),
    "Clustering": "Redis",
    "Redis": "$(address_of "$dc"):$(redis_port "$dc")",
    $keep
  },
  "Logging": { "LogLevel": { "MultiDc": "Information" } }
}
EOF
}

# As JSON, one datacenter a line.
gateways_of_all() {
    local dc silo addresses role lines=()
    for dc in "${datacenters[@]}"; do
        addresses=
        for silo in $(silos_of "$dc"); do addresses+="${addresses:+, }\"$(address_of "$dc"):$(gateway_port "$silo")\""; done
        role=
        ! is_witness "$dc" || role=', "Witness": true'
        lines+=("      { \"Name\": \"$dc\", \"Gateways\": [$addresses]$role }")
    done

    printf '%s,\n%s,\n%s\n' "${lines[@]}"
}

# The log goes on over restarts; what is waited for must come after this start.
launch_silo() {
    local silo=$1 folder
    folder=$(silo_folder "$silo")
    [ -s "$folder/appsettings.json" ] || die $wrong_state "$silo has no configuration: \"up --wan-only\" starts no silos"
    wc -c 2>/dev/null <"$folder/silo.log" >"$folder/log-start" || echo 0 >"$folder/log-start"
    local arguments=() setting
    for setting in "${settings[@]}"; do arguments+=(--set "$setting"); done
    inside "$(datacenter_of "$silo")"
    launch "$silo" "$folder/silo.log" "${prefix[@]}" "$multidc" run --config "$folder/appsettings.json" "${arguments[@]}"
}

silo_serves() {
    local folder
    folder=$(silo_folder "$1")
    tail -c "+$(($(<"$folder/log-start") + 1))" "$folder/silo.log" | grep -q "^silo $1 .* serves on gateway"
}

wait_for_silo() { wait_for $silo_patience_seconds "$1" "$(silo_folder "$1")/silo.log" "served" silo_serves "$1"; }

start_silo() {
    local silo=$1 option=${2:-}
    no_more_than 2 start "$@"
    case $option in "" | --no-wait) ;; *) die $wrong_usage "start: '$option' is no option; there is --no-wait" ;; esac
    [ -z "$(pid_of "$silo")" ] || die $wrong_state "$silo runs already (it is $(state_of "$silo"))"
    launch_silo "$silo"
    if [ "$option" = --no-wait ]; then
        say "$silo starts; its log is $(silo_folder "$silo")/silo.log"
    else
        wait_for_silo "$silo"
        say "$silo serves"
    fi
}

require_running() { [ -n "$(pid_of "$1")" ] || die $wrong_state "$1 does not run; local.sh start $1"; }

kill_silo() {
    require_running "$1"
    kill_process "$1"
    say "$1 killed"
}

stop_silo() {
    require_running "$1"
    local pid
    pid=$(pid_of "$1")
    [ "$(state_of "$1")" != paused ] || die $wrong_state "$1 is paused: local.sh resume $1"
    kill -TERM "$pid"
    while [ -n "$(pid_of "$1")" ]; do sleep 0.1; done
    rm -f "$(pid_file "$1")"
    say "$1 stopped"
}

pause_silo() {
    require_running "$1"
    kill -STOP "$(pid_of "$1")"
    say "$1 paused"
}

resume_silo() {
    require_running "$1"
    kill -CONT "$(pid_of "$1")"
    say "$1 resumed"
}

wipe_silo() {
    [ "$store" = rocksdb ] || die $wrong_state "the silos of a datacenter share a database here: there is no folder to wipe"
    [ -z "$(pid_of "$1")" ] || die $wrong_state "$1 runs (it is $(state_of "$1"))"
    rm -rf "$(silo_folder "$1")/store"
    say "$1 wiped"
}

# Every replica runs and knows its leader: asked from one silo, answered by all.
cluster_ready() {
    local replicas
    inside "${datacenters[0]}"
    replicas=$("${prefix[@]}" "$multidc" status --json --timeout 30 --config "$(silo_folder "${datacenters[0]}-a")/appsettings.json" 2>/dev/null |
        grep '"type":"replica"') || return 1
    [ "$(wc -l <<<"$replicas")" -ge $((${#datacenters[@]} * shards)) ] &&
        ! grep -v '"state":"running"' <<<"$replicas" >/dev/null && ! grep '"leader":null' <<<"$replicas" >/dev/null
}

started_again=()

# A silo that its cluster has declared dead while it started, as may happen on a busy machine, ends itself. Once, it is started again, as a supervisor would.
start_what_ended() {
    local silo
    for silo in $(all_silos); do
        [ -z "$(pid_of "$silo")" ] || continue
        if is_one_of "$silo" "${started_again[@]}"; then
            wait_for 0 "$silo" "$(silo_folder "$silo")/silo.log" "seen all replicas run, again" false
        fi

        say "$silo has ended itself and is started again; its log is $(silo_folder "$silo")/silo.log"
        started_again+=("$silo")
        launch_silo "$silo"
    done
}

system_ready() { start_what_ended && cluster_ready; }
