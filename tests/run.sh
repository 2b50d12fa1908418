#!/usr/bin/env bash
# Builds everything and runs every test. Needs the .NET SDK of global.json and nothing else: as root on Debian it installs gcc, and its tests
# PostgreSQL, Redis and iproute2, where they are missing, and says so.
#   tests/run.sh              all tests
#   tests/run.sh Raft Server  only the projects MultiDc.Raft.Tests and MultiDc.Server.Tests
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v dotnet >/dev/null; then
    echo "tests/run.sh: the .NET SDK $(sed -n 's/.*"version": "\(.*\)".*/\1/p' global.json) is needed, and dotnet is not on the PATH" >&2
    exit 69
fi

# The tests' faulty disk (MultiDc.Storage.Tests/RocksDb/FaultyDisk) is a few lines of C.
if ! command -v gcc >/dev/null; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "installing Debian's gcc and libc6-dev: the tests' faulty disk is compiled with it"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq gcc libc6-dev >/dev/null
    else
        echo "tests/run.sh: without gcc the tests over a faulty disk are skipped" >&2
    fi
fi

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

# Tests start hundreds of silos that live for seconds: profiling their code, so that it becomes faster later, only makes them start later.
export DOTNET_TieredPGO=0
echo "building (warnings are errors, package versions locked)"
dotnet build MultiDc.sln --configuration Release --verbosity quiet --nologo -clp:NoSummary -p:RestoreLockedMode=true \
    -p:ContinuousIntegrationBuild=true # as CI builds: source paths in the output are mapped, and no test may depend on them

projects=()
if [ $# -gt 0 ]; then
    for name in "$@"; do projects+=("tests/MultiDc.$name.Tests"); done
else
    for project in tests/*.Tests; do projects+=("$project"); done
fi

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
passed=0 failed=0 skipped=0 broken=0
for project in "${projects[@]}"; do
    echo "== $project"
    log=$(mktemp)
    # A test that hangs is named and fails, instead of holding up all others.
    if ! dotnet test "$project" --configuration Release --no-build --logger "console;verbosity=minimal" \
        --blame-hang-timeout 10min --blame-hang-dump-type none --results-directory "$results" 2>&1 | tee "$log"; then
        broken=1
    fi
    # What a project measured besides passing: it writes <name>.report.txt beside its build.
    find "$project" -path '*/bin/Release/*' -name '*.report.txt' -exec cat {} \; -delete
    # The runner's closing line: "Passed!  - Failed: 0, Passed: 12, Skipped: 0, Total: 12, ..."
    counts=$(sed -n 's/.*Failed: *\([0-9]*\), Passed: *\([0-9]*\), Skipped: *\([0-9]*\).*/\1 \2 \3/p' "$log" | tail -n 1)
    rm -f "$log"
    if [ -z "$counts" ]; then
        echo "$project ran no test" >&2
        broken=1
    else
        read -r f p s <<<"$counts"
        failed=$((failed + f)) passed=$((passed + p)) skipped=$((skipped + s))
    fi
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$broken" -eq 0 ] && [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
