# What this needs of Debian, and of .NET.

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else return 1; fi; }

# Installs packages and starts none of their services: the trial has its own.
install_packages() {
    say "installing Debian's $*"
    command -v apt-get >/dev/null || die $missing "$* is missing, and there is no apt-get to install it with"
    local log policy=/usr/sbin/policy-rc.d
    log=$(mktemp)
    as_root mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    local own_policy=0
    if [ ! -e $policy ]; then
        own_policy=1
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
        as_root chmod +x $policy
    fi

    local result=0
    { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } </dev/null >"$log" 2>&1 || result=$?
    [ $own_policy -eq 0 ] || as_root rm -f $policy
    if [ $result -ne 0 ]; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        die $missing "$* could not be installed"
    fi

    rm -f "$log"
    # It would start with the machine from now on.
    if [ -d /run/systemd/system ] && is_one_of redis-server "$@"; then as_root systemctl disable --quiet redis-server || true; fi
}

postgres_user=()

# PostgreSQL does not run as root.
find_postgres_user() { [ "$(id -u)" -ne 0 ] || postgres_user=(setpriv --reuid=postgres --regid=postgres --init-groups --); }

find_postgres() { postgres_programs=$(find /usr/lib/postgresql -path '*/bin/initdb' -printf '%h\n' 2>/dev/null | sort -V | tail -n 1); [ -n "$postgres_programs" ]; }

require_packages() {
    local wanted=()
    [ "$mode" = loopback ] || command -v ip >/dev/null || wanted+=(iproute2)
    if [ "$wan_only" -eq 0 ]; then
        command -v redis-server >/dev/null && command -v redis-cli >/dev/null || wanted+=(redis-server redis-tools)
        [ "$store" != postgres ] || { find_postgres && command -v psql >/dev/null; } || wanted+=(postgresql)
    fi

    [ ${#wanted[@]} -eq 0 ] || install_packages "${wanted[@]}"
}

build() {
    command -v dotnet >/dev/null ||
        die $missing "the .NET SDK $(sed -n 's/.*"version": "\(.*\)".*/\1/p' "$root/global.json") is needed, and dotnet is not on the PATH"
    say "building"
    local project
    for project in MultiDc.Host MultiDc.Wan $([ "$shop" -eq 0 ] || echo MultiDc.Shop); do
        (cd "$root" && DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 \
            dotnet build "src/$project" --configuration Release --verbosity quiet --nologo -clp:NoSummary -p:RestoreLockedMode=true 9>&-) >&2 ||
            die $broken "the build of $project failed"
    done
}

require_built() {
    local program
    for program in "$multidc" "$multidc_wan" $([ "$shop" -eq 0 ] || echo "$multidc_shop"); do
        [ -x "$program" ] || die $missing "$program is not built: leave out --no-build"
    done
}
