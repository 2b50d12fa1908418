# PostgreSQL servers, with their data beside the silos' stores (on the same disk), and three of them as a system of their own: a primary in dc1 and synchronous
# standbys in dc2 and dc3.

require_postgres() { find_postgres && command -v psql >/dev/null || install_packages postgresql; }

# make_postgres FOLDER ADDRESS PORT: initdb's defaults, but for what is said here. What is durable is said although it is the default.
make_postgres() {
    local folder=$1 address=$2 port=$3
    find_postgres || die $missing "Debian's package postgresql is missing"
    find_postgres_user
    mkdir -p "$folder"
    [ "$(id -u)" -ne 0 ] || chown postgres "$folder"
    "${postgres_user[@]}" test -w "$folder" || die $missing "the user postgres cannot reach $folder: name another folder with MULTIDC_LOCAL"
    "${postgres_user[@]}" "$postgres_programs/initdb" -D "$folder/data" -U multidc -A trust -E UTF8 --locale=C --no-sync </dev/null >"$folder/initdb.log" 2>&1 ||
        die $broken "initdb failed: see $folder/initdb.log"
    printf '%s\n' "listen_addresses = '$address'" "port = $port" "unix_socket_directories = ''" "dynamic_shared_memory_type = mmap" "max_connections = 300" \
        "fsync = on" "synchronous_commit = on" "full_page_writes = on" "log_min_messages = warning" >>"$folder/data/postgresql.conf"
    printf '%s\n' "host all all 10.77.0.0/16 trust" "host replication all 10.77.0.0/16 trust" >>"$folder/data/pg_hba.conf"
}

# start_postgres_server SYSTEM DATACENTER-NUMBER FOLDER: leaves its process in started_pid.
start_postgres_server() {
    start_server "$1" "$2" "$3/postgres.log" "${postgres_user[@]}" "$postgres_programs/postgres" -D "$3/data"
    postgres_pids+=("$started_pid")
    wait_for_server 60 "$started_pid" "$3/postgres.log" postgres_is_ready "$3" "$started_pid"
}

# PostgreSQL writes its state into the eighth line of this file, and its process into the first.
postgres_is_ready() {
    local lines=()
    mapfile -t lines 2>/dev/null <"$1/data/postmaster.pid" && [ "${lines[0]:-}" = "$2" ] && [[ ${lines[7]:-} == ready* ]]
}

# ask_postgres ADDRESS PORT DATABASE OPTION...
ask_postgres() {
    PGOPTIONS="-c client_min_messages=warning" "$local_sh" exec dc1 psql --no-psqlrc -qAt -v ON_ERROR_STOP=1 -h "$1" -p "$2" -U multidc -d "$3" "${@:4}"
}

postgres_connection() { echo "Host=$1;Port=$2;Username=multidc;Database=comparison;SSL Mode=Disable"; }

postgres_port() { echo "1${1}432"; }
postgres_folder() { echo "$MULTIDC_LOCAL/postgres-dc$1"; }
ask_primary() { ask_postgres "$(address_in 1)" "$(postgres_port 1)" "$@"; }

start_postgres() {
    say "starting PostgreSQL with two synchronous standbys"
    local n folder
    make_postgres "$(postgres_folder 1)" "$(address_in 1)" "$(postgres_port 1)"
    start_postgres_server postgres 1 "$(postgres_folder 1)"
    ask_primary postgres -c "CREATE DATABASE comparison" >/dev/null
    for n in 2 3; do
        folder=$(postgres_folder $n)
        mkdir -p "$folder"
        [ "$(id -u)" -ne 0 ] || chown postgres "$folder"
        "$local_sh" exec "dc$n" "${postgres_user[@]}" "$postgres_programs/pg_basebackup" -D "$folder/data" --checkpoint fast --no-sync --write-recovery-conf \
            --create-slot --slot "dc$n" -d "host=$(address_in 1) port=$(postgres_port 1) user=multidc application_name=dc$n" </dev/null >"$folder/pg_basebackup.log" 2>&1 ||
            die $broken "pg_basebackup failed: see $folder/pg_basebackup.log"
        printf '%s\n' "listen_addresses = '$(address_in $n)'" "port = $(postgres_port $n)" >>"$folder/data/postgresql.conf"
        start_postgres_server postgres $n "$folder"
    done

    # Not before the standbys are there: until then no commit would be acknowledged.
    ask_primary postgres -c "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (dc2, dc3)'" -c "SELECT pg_reload_conf()" >/dev/null
    wait_for_server 60 "$started_pid" "$(postgres_folder 3)/postgres.log" standbys_are_synchronous
}

standbys_are_synchronous() { [ "$(ask_primary postgres -c "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'")" = 2 ]; }

bench_postgres() {
    local n options=() pids=()
    read -ra pids <<<"${server_pids[postgres]}"
    for n in 1 2 3; do options+=(--server "$(postgres_connection "$(address_in $n)" "$(postgres_port $n)")" --server-pid "${pids[n - 1]}"); done
    "$local_sh" exec dc1 "$comparison" postgres "$@" --connections "$postgres_connections" "${options[@]}"
}
