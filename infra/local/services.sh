# The Redis and the PostgreSQL of each datacenter: processes of their own, whose data outlives them until "down".

start_service() {
    local service=$1 dc=$2
    [ -z "$(pid_of "$dc-$service")" ] || die $wrong_state "the $service of $dc runs already"
    "start_$service" "$dc"
    say "$service of $dc runs on $(address_of "$dc"):$("${service}_port" "$dc")"
}

kill_service() {
    local service=$1 dc=$2
    [ -n "$(pid_of "$dc-$service")" ] || die $wrong_state "the $service of $dc does not run"
    kill_process "$dc-$service"
    say "$service of $dc killed"
}

start_redis() {
    local dc=$1 folder=$run/$1-redis log=$run/$1-redis/redis.log
    mkdir -p "$folder"
    inside "$dc"
    launch "$dc-redis" "$log" "${prefix[@]}" redis-server --bind "$(address_of "$dc")" --port "$(redis_port "$dc")" --dir "$folder" \
        --appendonly yes --save "" --protected-mode no --daemonize no
    wait_for 60 "$dc-redis" "$log" "answered" redis_answers "$dc"
}

# Ours, and not another that has the port already.
redis_answers() {
    inside "$1"
    "${prefix[@]}" redis-cli -h "$(address_of "$1")" -p "$(redis_port "$1")" info server 2>/dev/null | grep -q "^process_id:$(pid_of "$1-redis")[^0-9]*$"
}

start_postgres() {
    local dc=$1 folder=$run/$1-postgres address port
    local log=$folder/postgres.log
    address=$(address_of "$dc") port=$(postgres_port "$dc")
    find_postgres || die $missing "Debian's package postgresql is missing"
    find_postgres_user
    if [ ! -d "$folder/data" ]; then
        mkdir -p "$folder"
        [ "$(id -u)" -ne 0 ] || chown postgres "$folder"
        "${postgres_user[@]}" test -w "$folder" || die $missing "the user postgres cannot reach $folder: name another folder with MULTIDC_LOCAL, such as /var/tmp/multidc-local"
        "${postgres_user[@]}" "$postgres_programs/initdb" -D "$folder/data" -U multidc -A trust -E UTF8 --locale=C --no-sync </dev/null >"$folder/initdb.log" 2>&1 ||
            die $broken "initdb failed: see $folder/initdb.log"
        printf '%s\n' "listen_addresses = '$address'" "port = $port" "unix_socket_directories = ''" "shared_buffers = 64MB" "max_connections = 200" \
            "max_wal_size = 512MB" "dynamic_shared_memory_type = mmap" "log_min_messages = warning" >>"$folder/data/postgresql.conf"
        echo "host all all 10.77.0.0/16 trust" >>"$folder/data/pg_hba.conf"
    fi

    inside "$dc"
    launch "$dc-postgres" "$log" "${prefix[@]}" "${postgres_user[@]}" "$postgres_programs/postgres" -D "$folder/data"
    wait_for 120 "$dc-postgres" "$log" "answered" postgres_answers "$dc"
    if [ ! -e "$folder/prepared" ]; then
        "${prefix[@]}" psql --no-psqlrc -qh "$address" -p "$port" -U multidc -d postgres -c "CREATE DATABASE multidc" >/dev/null
        "${prefix[@]}" bash "$root/infra/postgres/apply.sh" "host=$address port=$port user=multidc dbname=multidc" >/dev/null
        touch "$folder/prepared"
    fi
}

# PostgreSQL writes its state into the eighth line of this file, and its process into the first.
postgres_answers() {
    local lines=()
    mapfile -t lines 2>/dev/null <"$run/$1-postgres/data/postmaster.pid" && [ "${lines[0]:-}" = "$(pid_of "$1-postgres")" ] && [[ ${lines[7]:-} == ready* ]]
}

# A PostgreSQL that was killed leaves a shared memory segment to its successor; without one, somebody has to remove it.
remove_shared_memory() {
    local pid_file=$run/$1-postgres/data/postmaster.pid segment
    [ -f "$pid_file" ] || return 0
    segment=$(awk 'NR == 7 { print $2 }' "$pid_file")
    [ -z "$segment" ] || "${postgres_user[@]}" ipcrm -m "$segment" 2>/dev/null || true
}

kill_datacenter() {
    local dc=$1 each
    for each in $(silos_of "$dc") "$dc-redis" "$dc-postgres"; do kill_process "$each"; done
    say "all of $dc killed"
}

start_datacenter() {
    local dc=$1 silo
    [ -n "$(pid_of "$dc-redis")" ] || start_service redis "$dc"
    [ "$store" != postgres ] || [ -n "$(pid_of "$dc-postgres")" ] || start_service postgres "$dc"
    for silo in $(silos_of "$dc"); do [ -n "$(pid_of "$silo")" ] || launch_silo "$silo"; done
    for silo in $(silos_of "$dc"); do wait_for_silo "$silo"; done
    say "all of $dc runs"
}
