# Namespaces and the WAN between them. Each datacenter's namespace routes the others' networks into a TUN device that multidc-wan reads.

# Sets prefix: what a command is prefixed with to run in a datacenter.
inside() { if [ "$mode" = namespaces ]; then prefix=(nsenter --net="/run/netns/$(namespace_of "$1")" --); else prefix=(); fi; }

namespaces_permitted() {
    local probe=$instance-probe permitted=0
    [ "$(id -u)" -eq 0 ] && [ -c /dev/net/tun ] || return 1
    ip netns add "$probe" 2>/dev/null || return 1
    ip -n "$probe" tuntap add dev wan0 mode tun 2>/dev/null || permitted=1
    ip netns delete "$probe"
    return $permitted
}

make_namespaces() {
    local dc other namespace
    for dc in "${datacenters[@]}"; do
        namespace=$(namespace_of "$dc")
        ip netns add "$namespace"
        ip -n "$namespace" link set lo up
        ip -n "$namespace" tuntap add dev wan0 mode tun
        ip -n "$namespace" address add "$(address_of "$dc")/24" dev wan0
        # No address of IPv6: the kernel would talk to itself on an idle link.
        ip -n "$namespace" link set wan0 mtu 1500 txqueuelen 5000 addrgenmode none up
        for other in "${datacenters[@]}"; do
            [ "$other" = "$dc" ] || ip -n "$namespace" route add "10.77.$(number_of "$other").0/24" dev wan0
        done
    done
}

start_wan() {
    local dc arguments=()
    for dc in "${datacenters[@]}"; do arguments+=(--datacenter "$dc=10.77.$(number_of "$dc").0/24@/run/netns/$(namespace_of "$dc")"); done
    for trip in "${round_trips[@]}"; do arguments+=(--round-trip "$trip"); done
    # Ahead of what it joins: on a busy machine a delay should still be what it is said to be.
    launch wan "$run/wan.log" nice -n -10 "$multidc_wan" run --socket "$run/wan.socket" --jitter-ms "$jitter_ms" "${arguments[@]}"
    wait_for 60 wan "$run/wan.log" "was ready" grep -q '^ready$' "$run/wan.log"
}

ask_wan() { "$multidc_wan" "$1" --socket "$run/wan.socket" "${@:2}"; }

change_links() {
    local verb=$1 dc=${2:-} other=${3:-}
    [ "$mode" = namespaces ] || die $not_permitted "$verb needs the WAN, and these datacenters are plain processes on 127.0.0.1: network namespaces were not permitted, or not wanted"
    shift
    [ "$verb" = heal ] && [ -z "$dc" ] || require_datacenter "$verb" "$dc"
    case $verb in
        cut | cut-oneway)
            no_more_than 2 "$verb" "$@"
            require_other_datacenter "$verb" "$dc" "$other" optional
            local links=(--link "$dc:${other:-*}")
            [ "$verb" = cut-oneway ] || links+=(--link "${other:-*}:$dc")
            ask_wan set "${links[@]}" --cut true >/dev/null
            if [ "$verb" = cut ]; then say "cut: $dc <-/-> ${other:-everyone else}"; else say "cut: $dc --/-> ${other:-everyone else}"; fi
            ;;
        slow)
            no_more_than 2 "$verb" "$@"
            [[ $other =~ ^[0-9]+(\.[0-9]+)?$ ]] || die $wrong_usage "slow needs a number of milliseconds after the datacenter, such as: local.sh slow $dc 200"
            ask_wan set --link "$dc:*" --link "*:$dc" --slow-ms "$(awk "BEGIN { print $other / 2 }")" >/dev/null
            say "slow: every round trip to and from $dc takes $other ms longer"
            ;;
        link)
            require_other_datacenter "$verb" "$dc" "$other"
            shift 2
            [ $# -gt 0 ] || die $wrong_usage "link needs rules, such as: local.sh link $dc $other --loss 0.01"
            ask_wan set --link "$dc:$other" "$@" >/dev/null || die $wrong_usage "the WAN takes no such rules"
            say "changed: $dc -> $other $*"
            ;;
        heal)
            no_more_than 1 "$verb" "$@"
            local links=()
            [ -z "$dc" ] || links=(--link "$dc:*" --link "*:$dc")
            ask_wan heal "${links[@]}" >/dev/null
            say "healed: ${dc:-all links}"
            ;;
    esac
}

require_other_datacenter() {
    [ -n "$3" ] || [ "${4:-}" != optional ] || return 0
    require_datacenter "$1" "$3"
    [ "$2" != "$3" ] || die $wrong_usage "$1: there is no link from $2 to itself"
}
