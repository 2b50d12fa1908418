# Three silos of one Orleans cluster, one in each datacenter, whose grains keep their state in one PostgreSQL, in dc1.

grain_database_port=11532

require_grain() { require_postgres; }

grain_silo() { echo "$(address_in "$1"):1${1}610"; }
grain_gateway() { echo "$(address_in "$1"):2${1}610"; }
grain_connection() { postgres_connection "$(address_in 1)" $grain_database_port; }

start_grain() {
    say "starting an Orleans cluster of three silos on one PostgreSQL"
    local folder=$MULTIDC_LOCAL/grain n log
    make_postgres "$folder-postgres" "$(address_in 1)" $grain_database_port
    start_postgres_server grain 1 "$folder-postgres"
    grain_database_pid=$started_pid
    ask_postgres "$(address_in 1)" $grain_database_port postgres -c "CREATE DATABASE comparison" >/dev/null
    ask_postgres "$(address_in 1)" $grain_database_port comparison --single-transaction -f "$root/infra/postgres/02-orleans.sql" >/dev/null
    for n in 1 2 3; do
        log=$folder-dc$n.log
        start_server grain "$n" "$log" env DOTNET_EnableDiagnostics=0 "$servers" grain-silo --silo "$(grain_silo "$n")" --gateway-port "2${n}610" --primary "$(grain_silo 1)" \
            --postgres "$(grain_connection);Maximum Pool Size=$silo_connections;Max Auto Prepare=10"
        wait_for_server 60 "$started_pid" "$log" grep -q '^serves$' "$log"
    done
}

bench_grain() {
    "$local_sh" exec dc1 "$comparison" grain "$@" --gateway "$(grain_gateway 1)" --gateway "$(grain_gateway 2)" --gateway "$(grain_gateway 3)" \
        --postgres "$(grain_connection)" --postgres-pid "$grain_database_pid"
}
