#!/bin/sh
# A host: its own mounts and network, a bridge to the others, and a libvirt of its own. $1: its folder, $2: its UUID, $3: "cpu" for the cgroup of CPUs, of version 1.
D=$1
mount --make-rprivate /
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /var/lib/libvirt /etc/libvirt /var/log/libvirt /var/cache/libvirt
for path in /var/lib/libvirt /etc/libvirt /var/log/libvirt /var/cache/libvirt; do
    mkdir -p "$D$path"
    mount --bind "$D$path" "$path"
done
# libvirt looks these users up even when it runs guests as root.
cp /etc/passwd /etc/group "$D/"
grep -q ^libvirt-qemu: "$D/passwd" || echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' >> "$D/passwd"
for group in libvirt-qemu:x:64055: libvirt:x:64056: kvm:x:64057:; do
    grep -q "^${group%%:*}:" "$D/group" || echo "$group" >> "$D/group"
done
mount --bind "$D/passwd" /etc/passwd
mount --bind "$D/group" /etc/group
if [ "$3" = cpu ]; then
    mount -t tmpfs tmpfs /sys/fs/cgroup
    mkdir /sys/fs/cgroup/cpu
    mount -t cgroup -o cpu cgroup /sys/fs/cgroup/cpu
    controllers='"cpu"'
fi
cat > /etc/libvirt/qemu.conf <<X
user = "root"
group = "root"
security_driver = "none"
stdio_handler = "file"
namespaces = [ ]
cgroup_controllers = [ $controllers ]
remember_owner = 0
dynamic_ownership = 0
X
cat > /etc/libvirt/libvirtd.conf <<X
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_group = "root"
host_uuid = "$2"
X
ip link set lo up
ip link add br0 type bridge forward_delay 0
ip link set br0 up
touch "$D/ready"
while sleep 0.2; do
    libvirtd -f /etc/libvirt/libvirtd.conf -p "$D/libvirtd.pid" >> "$D/libvirtd.log" 2>&1
done
