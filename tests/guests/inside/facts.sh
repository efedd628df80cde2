#!/bin/sh
# What the guest's kernel and devices say of the machine, a fact a line, on the console.
modprobe -aq crc32c_generic virtio_console tpm_tis tpm_crb i6300esb sd_mod ahci virtio_scsi ext4
sleep 1
{
    echo
    dmesg | sed -nE 's/^\[[^]]*\] /kernel: /p' | grep -E 'efi: EFI v|Secure boot|tpm|i6300|SMBIOS|efi: SBAT|secureboot'
    [ -d /sys/firmware/efi ] && echo "firmware: uefi" || echo "firmware: bios"
    for tpm in /sys/class/tpm/tpm*; do
        [ -e "$tpm" ] && echo "tpm: $(cat "$tpm/tpm_version_major") $(ls -l "$tpm/device/driver" | sed 's,.*/,,')"
    done
    echo "rng: $(cat /sys/class/misc/hw_random/rng_current) $(head -c 16 /dev/hwrng | wc -c)"
    echo "watchdog: $(cat /sys/class/watchdog/watchdog0/identity)"
    for disk in /sys/block/[svh]d*; do
        name=${disk##*/}
        echo "disk: $name $(($(cat "$disk/size") / 2048)) MiB $(readlink -f "$disk" | grep -oE 'virtio[0-9]+|ata[0-9]+|host[0-9]+' | sed 's/[0-9]*$//' | sort -u | tr '\n' ' ')"
    done
    for disk in /dev/[svh]d?; do
        [ "$(dd if="$disk" bs=1 skip=4086 count=10 2>/dev/null)" = SWAPSPACE2 ] || continue
        swapon "$disk" && awk -v disk="$disk" '$1 == disk { print "swap: " $3 " KiB" }' /proc/swaps
    done
    extra=$(findfs LABEL=ephemeral0 2>/dev/null) && mkdir -p /extra && mount -t ext4 "$extra" /extra && {
        [ -e /extra/kept ] && echo "ephemeral: kept $(cat /extra/kept)"
        cat /proc/sys/kernel/random/boot_id > /extra/kept
        echo "ephemeral: $(df -m /extra | awk 'END { print $2 }') MiB"
        umount /extra
    }
    for one in /sys/class/virtio-ports/*/name; do [ -e "$one" ] && echo "port: $(cat "$one")"; done
    echo "serial: $(grep -c 'uart:16550A' /proc/tty/driver/serial)"
    echo "all facts are told"
} > /dev/console 2>&1
