# Who is there and where: names, addresses, ports, folders.

readonly datacenters=(dc1 dc2 dc3)
readonly possible_silos=(dc1-a dc1-b dc2-a dc2-b dc3-a dc3-b)
readonly shop_datacenters=(dc1 dc2)
readonly multidc=$root/src/MultiDc.Host/bin/Release/net10.0/multidc
readonly multidc_shop=$root/src/MultiDc.Shop/bin/Release/net10.0/multidc-shop
readonly multidc_wan=$root/src/MultiDc.Wan/bin/Release/net10.0/multidc-wan

# The folder decides, so that several trials can be up at once and "down" needs no memory.
instance=multidc-$(printf %s "$run" | cksum | cut -d' ' -f1)
readonly instance

namespace_of() { echo "$instance-$1"; }
datacenter_of() { echo "${1%-*}"; }
is_witness() { [ "$witness" -eq 1 ] && [ "$1" = dc3 ]; }
silos_of() { if [ "$silos_per_datacenter" -eq 1 ] || is_witness "$1"; then echo "$1-a"; else echo "$1-a $1-b"; fi; }
all_silos() { local dc; for dc in "${datacenters[@]}"; do silos_of "$dc"; done; }
number_of() { echo "${1#dc}"; }

address_of() { if [ "$mode" = namespaces ]; then echo "10.77.$(number_of "$1").1"; else echo 127.0.0.1; fi; }

# The same in both modes, and below the ports that Linux gives to outgoing connections.
redis_port() { echo "1$(number_of "$1")079"; }
postgres_port() { echo "1$(number_of "$1")032"; }
shop_port() { echo "1$(number_of "$1")080"; }
silo_port() { local dc=${1%-*}; case $1 in *-a) echo "1${dc#dc}001" ;; *) echo "1${dc#dc}002" ;; esac; }
gateway_port() { local dc=${1%-*}; case $1 in *-a) echo "2${dc#dc}001" ;; *) echo "2${dc#dc}002" ;; esac; }

silo_folder() { echo "$run/$1"; }

is_one_of() {
    local name=$1 each
    shift
    for each in "$@"; do [ "$each" != "$name" ] || return 0; done
    return 1
}

require_datacenter() {
    [ -n "$2" ] || die $wrong_usage "$1 needs a datacenter: ${datacenters[*]}"
    is_one_of "$2" "${datacenters[@]}" || die $wrong_usage "$1: there is no datacenter '$2'; there are ${datacenters[*]}"
}

require_silo() {
    local silos
    read -ra silos <<<"$(all_silos | tr '\n' ' ')"
    [ -n "$2" ] || die $wrong_usage "$1 needs a silo: ${silos[*]}"
    is_one_of "$2" "${silos[@]}" || die $wrong_usage "$1: there is no silo '$2'; there are ${silos[*]}"
}

# no_more_than COUNT VERB ARGUMENT...
no_more_than() {
    local count=$1 verb=$2
    shift 2
    [ $# -le "$count" ] || die $wrong_usage "$verb: '${*:count+1:1}' is one argument too many"
}
