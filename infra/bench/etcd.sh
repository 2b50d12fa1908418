# Three members of etcd, one in each datacenter of infra/local, with their data beside the silos' stores: on the same disk.

require_etcd() {
    local wanted=()
    command -v etcd >/dev/null || wanted+=(etcd-server)
    command -v etcdctl >/dev/null || wanted+=(etcd-client)
    [ ${#wanted[@]} -eq 0 ] || install_packages "${wanted[@]}"
}

etcd_client_url() { echo "http://$(address_in "$1"):1${1}379"; }
etcd_peer_url() { echo "http://$(address_in "$1"):1${1}380"; }
etcd_clients() { echo "$(etcd_client_url 1),$(etcd_client_url 2),$(etcd_client_url 3)"; }

# Defaults but for the size: without compaction everything that was ever put stays, and 2 GB, the default, could end a long run.
start_etcd() {
    say "starting etcd in each datacenter"
    local n cluster
    cluster="dc1=$(etcd_peer_url 1),dc2=$(etcd_peer_url 2),dc3=$(etcd_peer_url 3)"
    for n in 1 2 3; do
        start_server etcd $n "$MULTIDC_LOCAL/etcd-dc$n.log" etcd --name "dc$n" --data-dir "$MULTIDC_LOCAL/etcd-dc$n" \
            --listen-client-urls "$(etcd_client_url $n)" --advertise-client-urls "$(etcd_client_url $n)" \
            --listen-peer-urls "$(etcd_peer_url $n)" --initial-advertise-peer-urls "$(etcd_peer_url $n)" \
            --initial-cluster "$cluster" --initial-cluster-state new --quota-backend-bytes 8589934592 \
            --logger zap --log-level warn
    done

    wait_for_server 60 "$started_pid" "$MULTIDC_LOCAL/etcd-dc3.log" etcd_is_healthy
    [ "$network" != wan ] || move_etcd_leader
}

etcd_is_healthy() { ask_etcd endpoint health >/dev/null 2>&1; }

ask_etcd() { "$local_sh" exec dc1 etcdctl --endpoints "$(etcd_clients)" "$@"; }

# The load comes from dc1, so that is where the leader belongs.
move_etcd_leader() {
    local status leader first
    status=$(ask_etcd endpoint status)
    leader=$(awk -F', ' '$5 == "true" { print $1 }' <<<"$status")
    first=$(awk -F', ' -v url="$(etcd_client_url 1)" '$1 == url { print $2 }' <<<"$status")
    [ "$leader" = "$(etcd_client_url 1)" ] || "$local_sh" exec dc1 etcdctl --endpoints "$leader" move-leader "$first" >/dev/null
}

bench_etcd() {
    local n options=() pids=()
    read -ra pids <<<"${server_pids[etcd]}"
    for n in 1 2 3; do options+=(--endpoint "$(etcd_client_url $n)" --server-pid "${pids[n - 1]}"); done
    "$local_sh" exec dc1 "$comparison" etcd "$@" --leader-only --connections "$connections" "${options[@]}"
}
