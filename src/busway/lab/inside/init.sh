#!/bin/busybox sh
# First process of the initramfs: makes the root of the lab host (the outer machine's files under a writable layer).
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module"; done < /modules/order
for word in $(cat /proc/cmdline); do
    case $word in busway.modules=*) modules=${word#busway.modules=} ;; esac
done

nine=trans=virtio,version=9p2000.L,msize=512000
stop() { echo "busway-lab: $1"; poweroff -f; }
mount -t 9p -o "ro,$nine,cache=loose" root /lower || stop "can't mount the outer machine's files"
mount -t tmpfs -o size=75% tmpfs /layer && mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work overlay /root || stop "can't make the root"
# The outer machine may be a container; this one is not.
rm -f /root/.dockerenv /root/run/.containerenv /root/run/systemd/container
mkdir -p /root/mnt/lab /root/lib/modules
mount -t 9p -o "$nine,cache=none" share /root/mnt/lab || stop "can't mount the shared folder"
mount -o bind "/root$modules" /root/lib/modules
for mount in dev proc sys; do mount -o move "/$mount" "/root/$mount"; done
cp /root/mnt/lab/inittab /root/etc/inittab
exec switch_root /root /bin/busybox init
