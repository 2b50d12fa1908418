# The sample web app (src/MultiDc.Shop), one process beside the silos of each of two datacenters. It is no part of the datacenter as MultiDc has it:
# kill-dc leaves it alone, so that it can be seen going on by way of another.

shop_folder() { echo "$run/$1-shop"; }
shop_url() { echo "http://$(address_of "$1"):$(shop_port "$1")"; }

start_shops() {
    local dc
    for dc in "${shop_datacenters[@]}"; do
        write_shop_configuration "$dc"
        inside "$dc"
        launch "$dc-shop" "$(shop_folder "$dc")/shop.log" "${prefix[@]}" "$multidc_shop" --contentRoot "$(shop_folder "$dc")" --urls "$(shop_url "$dc")"
    done

    for dc in "${shop_datacenters[@]}"; do
        wait_for 60 "$dc-shop" "$(shop_folder "$dc")/shop.log" "reached its datacenter" shop_is_at_home "$dc"
    done
}

shop_is_at_home() {
    inside "$1"
    # shellcheck disable=SC2016
    "${prefix[@]}" bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf "GET /health HTTP/1.0\r\n\r\n" >&3 && cat <&3' "$(address_of "$1")" "$(shop_port "$1")" 2>/dev/null |
        grep -q "\"talksTo\":\"$1\""
}

write_shop_configuration() {
    local dc=$1
    mkdir -p "$(shop_folder "$dc")"
    cat >"$(shop_folder "$dc")/appsettings.json" <<EOT
{
  "MultiDc": {
    "ClusterId": "multidc-local",
    "Datacenter": "$dc",
    "Datacenters": [
$(gateways_of_all)
    ]
  },
  "Shop": { "Keyspace": "default" },
  "Logging": { "LogLevel": { "Default": "Warning", "Microsoft.Hosting.Lifetime": "Information", "MultiDc": "Information", "Orleans": "Error" } }
}
EOT
}
