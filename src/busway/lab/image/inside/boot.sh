#!/bin/sh
# Run once by init in the guest: configuration drive, name, keys, network, SSH, and a list of the guest's devices.
# Every process started costs up to 0.1 s where the guest's host is emulated, so there are few.
say() { echo "busway-guest $*"; }

# The drive is a virtio disk; with the kernels that have the drivers, a SCSI or SATA disk or CD too.
find_drive() { device=$(findfs LABEL=config-2 2>/dev/null) && mount -t iso9660 -o ro "$device" /mnt; }
find_drive || { modprobe -aq virtio_scsi ahci sd_mod sr_mod && sleep 1 && find_drive; } || say "has no configuration drive"
drive=/mnt/openstack/latest
meta=$drive/meta_data.json network=$drive/network_data.json
[ -e "$meta" ] || meta=/dev/null
[ -e "$network" ] || network=/dev/null

# Both files at once, as shell words: jq quotes them.
eval "$(jq -rn --slurpfile m "$meta" --slurpfile n "$network" '
    ($m[0] // {}) as $meta | ($n[0] // {}) as $all | ($all.networks // [] | .[0] // {}) as $net |
    ($all.links // [] | map(select(.id == $net.link)) | .[0] // {}) as $link |
    @sh "name=\($meta.hostname // $meta.name // "busway-guest")",
    @sh "keys=\([$meta.public_keys // {} | .[]] | join("\n"))",
    @sh "kind=\($net.type // "") mac=\($link.ethernet_mac_address // "" | ascii_downcase) mtu=\($link.mtu // "")",
    @sh "address=\($net.ip_address // "") mask=\($net.netmask // "24")",
    @sh "gateway=\(($net.routes // [] | map(select(.network == "0.0.0.0") | .gateway) | .[0]) // $net.gateway // "")",
    @sh "routes=\([$net.routes // [] | .[] | select(.network != "0.0.0.0") | "\(.network)/\(.netmask) via \(.gateway)"] | join("\n"))",
    @sh "names=\([$all.services // [] | .[] | select(.type == "dns") | "nameserver " + .address] | join("\n"))"
')"
echo "$name" > /proc/sys/kernel/hostname
echo "$keys" > /root/.ssh/authorized_keys
dropbearkey -t ed25519 -f /etc/dropbear/host_key > /dev/null 2>&1

# The first network of the drive, on the card with its MAC; DHCP on the first card where there is none.
card=eth0
for nic in /sys/class/net/*; do
    read -r its < "$nic/address"
    [ "$its" != "${mac:-none}" ] || card=${nic##*/}
done
ip link set lo up
if [ "$kind" = ipv4 ] && [ -n "$address" ]; then
    case $mask in *.*) mask=$(ipcalc -p 0.0.0.0 "$mask") mask=${mask#PREFIX=} ;; esac
    case $address in */*) ;; *) address=$address/$mask ;; esac
    ip address add "$address" dev "$card"
    # Says its MAC to all: the last server with this address had another, and QEMU's user network never asks again.
    echo 1 > "/proc/sys/net/ipv4/conf/$card/arp_notify"
    [ -z "$mtu" ] || echo "$mtu" > "/sys/class/net/$card/mtu"
    ip link set "$card" up
    [ -z "$gateway" ] || ip route add default via "$gateway"
    echo "$routes" | while read -r route; do [ -z "$route" ] || ip route add $route; done
    echo "$names" > /etc/resolv.conf
elif [ -e "/sys/class/net/$card" ]; then
    ip link set "$card" up
    udhcpc -i "$card" -s /sbin/busway-dhcp -t 5 -T 2 -A 5 -b -q > /dev/null 2>&1
    address=$(ip -4 -o address show dev "$card" | awk '{ print $4; exit }')
fi
dropbear -s -r /etc/dropbear/host_key

mark=
[ ! -e "$drive/user_data" ] || read -r mark < "$drive/user_data"
case $mark in
'#!'*)
    (umask 077 && cat "$drive/user_data" > /run/user_data)
    chmod 700 /run/user_data
    (/run/user_data > /var/log/user_data.log 2>&1; say "user data ended with $?") &
    ;;
esac

# A device with a driver of ours gets it.
modprobe -aq $(cat /sys/bus/pci/devices/*/modalias /sys/bus/virtio/devices/*/modalias) 2>/dev/null
read -r seconds rest < /proc/uptime
echo "----- lspci -nn -----
$(lspci -nn)
----- end of lspci -----"
say "$name at ${address:-no address} after $seconds s"
say ready

# Who renders for this guest, told by a GL client; the image `graphics` alone has one.
if more=$(findfs LABEL=busway-more 2>/dev/null); then
    mkdir -p /more && modprobe -aq crc32c_generic ext4
    mount -t ext4 -o ro "$more" /more || say "can't mount $more: $(dmesg | tail -3)"
    dmesg | grep -o 'features: .*virgl.*' | head -1
    LD_LIBRARY_PATH=/more/lib LIBGL_DRIVERS_PATH=/more/dri __EGL_VENDOR_LIBRARY_FILENAMES=/more/egl.json /more/gl 2>&1
    say "drew, with $? at the end"
fi
