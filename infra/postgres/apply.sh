#!/usr/bin/env bash
# Makes a PostgreSQL database ready for MultiDc: its store's tables, and the tables of Orleans' grain storage. May be run again at any time.
#   infra/postgres/apply.sh 'host=db.east dbname=shop user=owner'
# The argument is what psql takes for a database: a name, a connection URI or a list of keywords. A password is best left to PGPASSWORD
# or ~/.pgpass.
set -euo pipefail
if [ $# -ne 1 ]; then
    sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
    exit 64
fi

folder=$(cd "$(dirname "$0")" && pwd)
if ! command -v psql >/dev/null; then
    echo "apply.sh: psql is needed: install Debian's package postgresql-client" >&2
    exit 69
fi

for script in 01-multidc.sql 02-orleans.sql; do
    PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning" \
        psql --no-psqlrc --quiet --single-transaction --set ON_ERROR_STOP=1 --dbname "$1" --file "$folder/$script" >/dev/null
    echo "applied $script"
done
