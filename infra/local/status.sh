# What runs where. $run/settings holds what "up" was asked for.

postgres_programs=

is_up() {
    phase=none
    # shellcheck disable=SC1091
    [ ! -f "$run/settings" ] || source "$run/settings"
    case $phase in
        up) mapfile -t settings <"$run/silo-settings" ;;
        none) die $wrong_state "$1: no datacenters are up ($run); start them with: local.sh up" ;;
        *) die $wrong_state "$1: \"up\" is under way, or was ended in the middle; clean up with: local.sh down" ;;
    esac
}

write_settings() {
    phase=$1
    printf '%s\n' "phase=$phase" "mode=$mode" "store=$store" "silos_per_datacenter=$silos_per_datacenter" "shards=$shards" "wan_only=$wan_only" "shop=$shop" "witness=$witness" >"$run/settings.new"
    mv "$run/settings.new" "$run/settings"
}

status() {
    case ${1:-} in
        "") print_status ;;
        --json) print_json ;;
        *) die $wrong_usage "status: '$1' is no option; there is --json" ;;
    esac
}

print_status() {
    local dc silo services name
    echo "mode $mode, store $store, folder $run"
    {
        echo "DATACENTER|ADDRESS|SERVICES|SILO|STATE|PID|GATEWAY"
        for dc in "${datacenters[@]}"; do
            name=$dc
            ! is_witness "$dc" || name="$dc (witness)"
            if [ "$wan_only" -eq 1 ]; then
                echo "$name|$(address_of "$dc")|-|-|-|-|-"
                continue
            fi

            services="redis $(state_of "$dc-redis")"
            [ "$store" != postgres ] || services+=", postgres $(state_of "$dc-postgres")"
            for silo in $(silos_of "$dc"); do
                echo "$name|$(address_of "$dc")|$services|$silo|$(state_of "$silo")|$(pid_of "$silo")|$(gateway_port "$silo")"
            done
        done
    } | awk -F'|' '{ for (i = 1; i <= NF; i++) { cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) } columns = NF }
        END { for (r = 1; r <= NR; r++) { line = ""; for (i = 1; i <= columns; i++) line = line sprintf("%-" (width[i] + 2) "s", cell[r, i]); sub(/ +$/, "", line); print line } }'
    if [ "$shop" -eq 1 ]; then
        for dc in "${shop_datacenters[@]}"; do echo "the shop of $dc, $(shop_url "$dc"), $(state_of "$dc-shop")"; done
    fi

    if [ "$mode" = namespaces ]; then
        ask_wan state || echo "the WAN does not answer: nothing gets from one datacenter to another; its log is $run/wan.log"
    fi
}

# {"version":1,"mode":"namespaces|loopback","store":"rocksdb|postgres","folder":"...","datacenters":[{"name":"dc1","address":"...","namespace":"..."|null,"witness":true|false,
#  "redis":PROCESS,"postgres":PROCESS|null,"shop":PROCESS|null,"silos":[PROCESS...]}],"wan":REPLY|null}; REPLY is what "multidc-wan state --json" says.
# PROCESS: {"name":"...","state":"running|paused|stopped","pid":n|null,"port":n,"log":"..."}; of a silo, port is its gateway's, and there is "siloPort"; of a shop
# there is "url".
print_json() {
    local dc silo separator='' namespace role wan=null
    printf '{"version":1,"mode":"%s","store":"%s","folder":"%s","datacenters":[' "$mode" "$store" "$run"
    for dc in "${datacenters[@]}"; do
        if [ "$mode" = namespaces ]; then namespace="\"$(namespace_of "$dc")\""; else namespace=null; fi
        if is_witness "$dc"; then role=true; else role=false; fi
        printf '%s{"name":"%s","address":"%s","namespace":%s,"witness":%s' "$separator" "$dc" "$(address_of "$dc")" "$namespace" "$role"
        separator=,
        if [ "$wan_only" -eq 1 ]; then
            printf ',"redis":null,"postgres":null,"shop":null,"silos":[]}'
            continue
        fi

        printf ',"redis":%s' "$(print_process "$dc-redis" "$(redis_port "$dc")" "$run/$dc-redis/redis.log")"
        if [ "$store" = postgres ]; then
            printf ',"postgres":%s' "$(print_process "$dc-postgres" "$(postgres_port "$dc")" "$run/$dc-postgres/postgres.log")"
        else
            printf ',"postgres":null'
        fi

        if [ "$shop" -eq 1 ] && is_one_of "$dc" "${shop_datacenters[@]}"; then
            printf ',"shop":%s' "$(print_process "$dc-shop" "$(shop_port "$dc")" "$(shop_folder "$dc")/shop.log" ",\"url\":\"$(shop_url "$dc")\"")"
        else
            printf ',"shop":null'
        fi

        printf ',"silos":['
        local comma=''
        for silo in $(silos_of "$dc"); do
            printf '%s%s' "$comma" "$(print_process "$silo" "$(gateway_port "$silo")" "$(silo_folder "$silo")/silo.log" ",\"siloPort\":$(silo_port "$silo")")"
            comma=,
        done

        printf ']}'
    done

    if [ "$mode" = namespaces ]; then wan=$(ask_wan state --json) || wan=null; fi
    printf '],"wan":%s}\n' "${wan:-null}"
}

print_process() {
    local pid
    pid=$(pid_of "$1")
    printf '{"name":"%s","state":"%s","pid":%s,"port":%s,"log":"%s"%s}' "$1" "$(state_of "$1")" "${pid:-null}" "$2" "$3" "${4:-}"
}
