#!/usr/bin/env bash
# A PostgreSQL server of the process that started this script: says "ready FOLDER" when it runs, obeys "kill" and "start" on its standard
# input, and when that closes, stops the server and deletes its folder. Arguments are lines of postgresql.conf.
set -uo pipefail

find_programs() {
    programs=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
    [ -x "${programs:-}/initdb" ] && command -v psql >/dev/null
}

if ! find_programs; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "PostgreSQL is missing, and only root can install Debian's package postgresql"
        exit 69
    fi

    echo "PostgreSQL is missing: installing Debian's package postgresql"
    # Debian would make and start a server of its own, which nobody needs here.
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql; } </dev/null >/dev/null 2>&1
    if ! find_programs; then
        echo "Debian's package postgresql could not be installed"
        exit 69
    fi
fi

# PostgreSQL does not run as root.
as=()
[ "$(id -u)" -eq 0 ] && as=(runuser -u postgres --)
folder=$(mktemp -d /tmp/multidc-postgres-XXXXXXXX)
[ "$(id -u)" -eq 0 ] && chown postgres "$folder"
cd "$folder"

start() { "${as[@]}" "$programs/pg_ctl" start -D "$folder/data" -l "$folder/log" -w -t 120 </dev/null >/dev/null 2>&1; }

clean() {
    "${as[@]}" "$programs/pg_ctl" stop -D "$folder/data" -m immediate </dev/null >/dev/null 2>&1
    cd /
    rm -rf "$folder"
}
trap clean EXIT
trap '' INT TERM HUP # the end of the input is the only sign

if ! "${as[@]}" "$programs/initdb" -D "$folder/data" -U multidc -A trust -E UTF8 --locale=C --no-sync </dev/null >"$folder/initdb" 2>&1; then
    cat "$folder/initdb"
    exit 70
fi

{
    echo "listen_addresses = ''"
    echo "unix_socket_directories = '$folder'"
    echo "port = 5432"
    echo "shared_buffers = 64MB"
    echo "max_connections = 200"
    echo "max_wal_size = 512MB"
    echo "log_min_messages = warning"
    printf '%s\n' "$@"
} >>"$folder/data/postgresql.conf"
if ! start; then
    cat "$folder/log"
    exit 70
fi

psql --no-psqlrc -qh "$folder" -U multidc -d postgres -c "CREATE DATABASE multidc" </dev/null &&
    bash "$(dirname "$0")/infra/apply.sh" "host=$folder user=multidc dbname=multidc" </dev/null >/dev/null || exit 70
echo "ready $folder"

while read -r command; do
    case $command in
        kill)
            main=$(head -n 1 "$folder/data/postmaster.pid")
            children=$(ps -o pid= --ppid "$main")
            kill -9 "$main" $children 2>/dev/null
            # The shared memory is free once all are gone.
            for process in $main $children; do
                while kill -0 "$process" 2>/dev/null; do sleep 0.05; done
            done
            echo "done kill"
            ;;
        start) start && echo "done start" || { echo "failed"; tail -n 20 "$folder/log" >&2; } ;;
    esac
done
