#!/usr/bin/env bash
# Builds MultiDc and runs its demo; every option goes to "multidc demo" (see infra/demo.sh --help).
# Installs Debian's package ieee-data, the data set that the demo loads by default, when it is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)

if ! command -v dotnet >/dev/null; then
    echo "infra/demo.sh: the .NET SDK $(sed -n 's/.*"version": "\(.*\)".*/\1/p' "$here/global.json") is needed, and dotnet is not on the PATH" >&2
    exit 69
fi

wants_default_data=1
for argument in "$@"; do
    case "$argument" in --load | --load=* | --load:* | --help | -h | '-?') wants_default_data=0 ;; esac
done

if [ "$wants_default_data" -eq 1 ] && [ ! -f /usr/share/ieee-data/oui.csv ]; then
    echo "installing Debian's package ieee-data (the demo's data set)"
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
    log=$(mktemp)
    if ! { "${as_root[@]}" apt-get update -qq \
        && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ieee-data; } >"$log" 2>&1; then
        cat "$log" >&2
        echo "infra/demo.sh: ieee-data could not be installed; name a file of yours with --load FILE --key COLUMN instead" >&2
        exit 69
    fi
    rm -f "$log"
fi

echo "building"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
(cd "$here" && dotnet build src/MultiDc.Host --configuration Release --verbosity quiet --nologo -clp:NoSummary -p:RestoreLockedMode=true)
# Silos that live for a minute never see the gain of profiling their code, and start later for it.
export DOTNET_TieredPGO="${DOTNET_TieredPGO:-0}"
exec "$here/src/MultiDc.Host/bin/Release/net10.0/multidc" demo "$@"
