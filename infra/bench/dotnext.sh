# Three nodes of a Raft group of DotNext.Net.Cluster, one in each datacenter, with their logs beside the silos' stores: on the same disk.

# It comes with MultiDc.Comparison.Servers.
require_dotnext() { :; }

dotnext_address() { echo "$(address_in "$1"):1${1}710"; }
dotnext_front() { echo "$(address_in "$1"):1${1}711"; }

start_dotnext() {
    say "starting DotNext.Net.Cluster in each datacenter"
    local n log election_ms
    for n in 1 2 3; do
        log=$MULTIDC_LOCAL/dotnext-dc$n.log
        # The load comes from dc1, so that is where the leader belongs: it is the first to notice that there is none.
        if [ "$n" = 1 ]; then election_ms=1000; else election_ms=2500; fi
        start_server dotnext $n "$log" env DOTNET_EnableDiagnostics=0 "$servers" dotnext-node --address "$(dotnext_address $n)" --front-port "1${n}711" --folder "$MULTIDC_LOCAL/dotnext-dc$n" \
            --member "$(dotnext_address 1)" --member "$(dotnext_address 2)" --member "$(dotnext_address 3)" --election-timeout $election_ms
        wait_for_server 60 "$started_pid" "$log" grep -q '^serves$' "$log"
    done

    wait_for_server 60 "$started_pid" "$log" dotnext_answers
}

# It has a leader that a majority follows: a key is found not to be there.
dotnext_answers() { [[ $(bench_dotnext get --no-load --clients 1 --keys 1 --warm-up 0 --seconds 0.1 --timeout 5 --json 2>/dev/null || true) == *'"absent"'* ]]; }

bench_dotnext() {
    "$local_sh" exec dc1 "$comparison" dotnext "$@" --connections "$connections" \
        --endpoint "$(dotnext_front 1)" --endpoint "$(dotnext_front 2)" --endpoint "$(dotnext_front 3)"
}
