# Three members of etcd, one in each datacenter of infra/local, with their data beside the silos' stores: on the same disk.

require_etcd() {
    local wanted=()
    command -v etcd >/dev/null || wanted+=(etcd-server)
    command -v etcdctl >/dev/null || wanted+=(etcd-client)
    [ ${#wanted[@]} -eq 0 ] || install_packages "${wanted[@]}"
}

# Those of infra/local: installed without their services being started.
is_one_of() {
    local name=$1 each
    shift
    for each in "$@"; do [ "$each" != "$name" ] || return 0; done
    return 1
}
# shellcheck source-path=SCRIPTDIR
source "$root/infra/local/packages.sh"

etcd_client_url() { if [ "$network" = wan ]; then echo "http://10.77.$1.1:1${1}379"; else echo "http://127.0.0.1:1${1}379"; fi; }
etcd_peer_url() { if [ "$network" = wan ]; then echo "http://10.77.$1.1:1${1}380"; else echo "http://127.0.0.1:1${1}380"; fi; }
etcd_clients() { echo "$(etcd_client_url 1),$(etcd_client_url 2),$(etcd_client_url 3)"; }

# Defaults but for the size: without compaction everything that was ever put stays, and 2 GB, the default, could end a long run.
start_etcd() {
    say "starting etcd in each datacenter"
    local n cluster
    etcd_pids=()
    cluster="dc1=$(etcd_peer_url 1),dc2=$(etcd_peer_url 2),dc3=$(etcd_peer_url 3)"
    for n in 1 2 3; do
        setsid "$local_sh" exec "dc$n" etcd --name "dc$n" --data-dir "$MULTIDC_LOCAL/etcd-dc$n" \
            --listen-client-urls "$(etcd_client_url $n)" --advertise-client-urls "$(etcd_client_url $n)" \
            --listen-peer-urls "$(etcd_peer_url $n)" --initial-advertise-peer-urls "$(etcd_peer_url $n)" \
            --initial-cluster "$cluster" --initial-cluster-state new --quota-backend-bytes 8589934592 \
            --logger zap --log-level warn </dev/null >"$MULTIDC_LOCAL/etcd-dc$n.log" 2>&1 &
        etcd_pids+=($!)
        # Its end is no news.
        disown $!
    done

    local deadline=$((SECONDS + 60))
    until ask_etcd endpoint health >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || die $broken "etcd did not come up within a minute; its logs are $MULTIDC_LOCAL/etcd-dc*.log"
        sleep 0.3
    done
}

ask_etcd() { "$local_sh" exec dc1 etcdctl --endpoints "$(etcd_clients)" "$@"; }

# The load comes from dc1, so that is where the leader belongs.
move_etcd_leader() {
    local status leader first
    status=$(ask_etcd endpoint status)
    leader=$(awk -F', ' '$5 == "true" { print $1 }' <<<"$status")
    first=$(awk -F', ' -v url="$(etcd_client_url 1)" '$1 == url { print $2 }' <<<"$status")
    [ "$leader" = "$(etcd_client_url 1)" ] || "$local_sh" exec dc1 etcdctl --endpoints "$leader" move-leader "$first" >/dev/null
}

stop_etcd() {
    [ ${#etcd_pids[@]} -eq 0 ] || kill -KILL "${etcd_pids[@]}" 2>/dev/null || true
    etcd_pids=()
}
