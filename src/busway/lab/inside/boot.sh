#!/bin/sh
# Run once by init in the lab host: names, disks, modules, network. What fails is said on the console and it continues:
# a machine that can be asked is worth more than one that is right.
. /mnt/lab/host.env
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
say() { echo "busway-lab: $*"; }

mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/libvirt /dev/pts /dev/shm /dev/hugepages
mount -t devpts -o gid=5,mode=620 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t hugetlbfs hugetlbfs /dev/hugepages
mount -t cgroup2 cgroup2 /sys/fs/cgroup
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd

# A name and an identity of its own; libvirt looks these users up even when it runs guests as root.
hostname "$NAME"
echo "$NAME" > /etc/hostname
echo "$MACHINE_ID" > /etc/machine-id
printf '127.0.0.1 localhost %s\n%s %s\n' "$NAME" "$ADDRESS" "$NAME" > /etc/hosts
echo 'nameserver 10.0.2.3' > /etc/resolv.conf
grep -q ^libvirt-qemu: /etc/passwd ||
    echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' >> /etc/passwd
for group in libvirt-qemu:x:64055: libvirt:x:64056: kvm:x:64057:; do
    grep -q "^${group%%:*}:" /etc/group || echo "$group" >> /etc/group
done

# The disk that outlives a boot. It replays its journal when the machine lost power.
modprobe ext4
mkdir -p /run/data
if mount -t ext4 -o commit=1 /dev/vda /run/data; then
    for dir in /var/lib/busway /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt; do
        mkdir -p "$dir" "/run/data$dir"
        mount -o bind "/run/data$dir" "$dir"
    done
else
    say "can't mount the data disk; this boot forgets what it writes"
fi
mkdir -p /etc/libvirt/qemu /var/lib/libvirt/qemu /var/log/libvirt/qemu
cp /mnt/lab/qemu.conf /mnt/lab/libvirtd.conf /etc/libvirt/

# The guests' network: their taps join the card on one bridge.
modprobe -a virtio_net bridge tun
ip link set lo up
ip link add br0 address "$MAC0" type bridge forward_delay 0
ip link set eth0 master br0
ip link set eth0 up
ip address add "$ADDRESS/24" dev br0
ip link set br0 up
ip route add default via 10.0.2.2
ip address add 10.0.3.15/24 dev eth1
ip link set eth1 up
# The wire to another lab host.
if [ -n "$LINK_ADDRESS" ]; then
    ip address add "$LINK_ADDRESS/24" dev eth2
    ip link set eth2 up
fi

grep -qw svm /proc/cpuinfo && modprobe kvm-amd
grep -qw vmx /proc/cpuinfo && modprobe kvm-intel
modprobe -a vfio-pci bochs snd_hda_intel nvme virtio_gpu 2>/dev/null
say "booted at $(cut -d' ' -f1 /proc/uptime) s"
