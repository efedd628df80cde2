#!/bin/busybox sh
# First process of the guest: the kernel's file systems and the modules of the boot, then busybox init.
/bin/busybox --install -s /bin
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
modprobe -a $(cat /etc/modules-at-boot)
exec /bin/busybox init
