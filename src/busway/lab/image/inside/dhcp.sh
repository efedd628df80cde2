#!/bin/sh
# Called by udhcpc when it has an address.
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip address flush dev "$interface"
ip address add "$ip/${mask:-24}" dev "$interface"
[ -z "$router" ] || ip route replace default via "${router%% *}"
[ -z "$dns" ] || for server in $dns; do echo "nameserver $server"; done > /etc/resolv.conf
