"""What a snapshot holds, as data: patterns below the root, and the names of files that a PCI function's folder gives."""

from __future__ import annotations

import re

# Text files by pattern. A link that matches is followed, so /etc/os-release is there as text.
TEXTS = (
    "proc/cmdline",
    "proc/cpuinfo",
    "proc/driver/nvidia/gpus/*/information",
    "proc/driver/nvidia/version",
    "proc/interrupts",
    "proc/iomem",
    "proc/meminfo",
    "proc/modules",
    "proc/sys/kernel/osrelease",
    "proc/version",
    "proc/xen/capabilities",
    "run/systemd/container",
    "sys/bus/pci/slots/*/address",
    "sys/class/dmi/id/bios_vendor",
    "sys/class/dmi/id/chassis_type",
    "sys/class/dmi/id/product_name",
    "sys/class/dmi/id/sys_vendor",
    "sys/class/iommu/*/intel-iommu/cap",
    "sys/class/vtconsole/*/bind",
    "sys/class/vtconsole/*/name",
    "sys/devices/system/cpu/cpu[0-9]*/topology/physical_package_id",
    "sys/devices/system/node/node[0-9]*/cpulist",
    "sys/devices/system/node/node[0-9]*/distance",
    "sys/devices/system/node/node[0-9]*/hugepages/*/*_hugepages",
    "sys/devices/system/node/node[0-9]*/meminfo",
    "sys/hypervisor/type",
    "sys/kernel/iommu_groups/*/reserved_regions",
    "sys/kernel/iommu_groups/*/type",
    "sys/kernel/mm/hugepages/*/*_hugepages",
    "sys/fs/selinux/enforce",
    "sys/kernel/security/lockdown",
    "sys/module/apparmor/parameters/enabled",
    "sys/module/i915/parameters/max_vfs",
    "sys/module/kvm*/parameters/*",
    "sys/module/iommufd/parameters/allow_unsafe_interrupts",
    "sys/module/vfio*/parameters/*",
    "sys/module/xe/parameters/max_vfs",
    "boot/loader/entries/*.conf",
    "boot/efi/loader/entries/*.conf",
    "efi/loader/entries/*.conf",
    "etc/default/grub",
    "etc/default/grub.d/*.cfg",
    "etc/dracut.conf",
    "etc/dracut.conf.d/*.conf",
    "etc/initramfs-tools/conf.d/*",
    "etc/initramfs-tools/modules",
    "etc/kernel/cmdline",
    "etc/mkinitcpio.conf",
    "etc/mkinitcpio.conf.d/*.conf",
    "etc/modprobe.d/*.conf",
    "etc/modules",
    "etc/modules-load.d/*.conf",
    "etc/nvidia-fabricmanager/fabricmanager.cfg",
    "etc/os-release",
    "lib/modprobe.d/*.conf",
    "run/modprobe.d/*.conf",
    "usr/lib/modprobe.d/*.conf",
    "usr/lib/os-release",
    "usr/share/nvidia/nvswitch/fabricmanager.cfg",
)

# Binary files by pattern: the firmware's tables of the IOMMU.
TABLES = (
    "sys/firmware/acpi/tables/DMAR",
    "sys/firmware/acpi/tables/IVRS",
    "sys/firmware/acpi/tables/IORT",
    "sys/firmware/efi/efivars/LoaderInfo-*",
)

# The kernel's lists of modules, of which only the drivers that keep a card for guests are kept.
MODULE_LISTS = ("lib/modules/*/modules.dep", "lib/modules/*/modules.builtin")
MODULE_LINES = re.compile(r"/(?:vfio[^/]*|pci[-_]stub)\.ko", re.ASCII)

# Settings of programs, of which only the lines that say how guests are confined are kept: others hold passwords.
SETTINGS = ("etc/libvirt/qemu.conf",)
SETTING_LINES = re.compile(
    r"\s*(?:user|group|seccomp_sandbox|security_driver|security_default_confined|namespaces)\s*=", re.ASCII
)

# Files and folders of which it matters only that they are there.
PRESENCE = (
    ".dockerenv",
    "boot/grub/grub.cfg",
    "boot/grub2/grub.cfg",
    "boot/loader/loader.conf",
    "boot/efi/loader/loader.conf",
    "efi/loader/loader.conf",
    "dev/iommu",
    "dev/kvm",
    "dev/null",
    "dev/dri/by-path/*-render",
    "dev/vfio/*",
    "etc/apparmor.d/libvirt/TEMPLATE.qemu",
    "etc/default/grub.d",
    "etc/dracut.conf.d",
    "etc/initramfs-tools",
    "etc/kernel/proxmox-boot-uuids",
    "run/.containerenv",
    "run/nvidia-fabricmanager/socket",
    "run/nvidia-persistenced/socket",
    "run/ostree-booted",
    "sys/bus/pci/drivers/*",
    "sys/bus/platform/drivers/*framebuffer/*",
    "sys/bus/platform/drivers/simpledrm/*",
    "sys/class/iommu/*",
    "sys/firmware/acpi/tables/*",
    "sys/firmware/efi",
    "sys/firmware/devicetree/base/hypervisor/compatible",
    "sys/kernel/iommu_groups",
    "sys/kernel/iommu_groups/*",
    "sys/module/*",
    "usr/lib/*/qemu/hw-display-virtio-gpu*.so",
    "usr/lib64/qemu*/hw-display-virtio-gpu*.so",
    "usr/share/AAVMF/*",
    "usr/share/OVMF/*",
    "usr/share/edk2*/*",
    "usr/share/qemu/*ovmf*",
    "usr/share/qemu/edk2*",
)

# Links by pattern, kept as links.
LINKS = (
    "sys/bus/pci/devices/*",
    "sys/bus/pci/drivers/*/*:*:*.*",
    "sys/class/mdev_bus/*",
    "sys/kernel/iommu_groups/*/devices/*",
)

# In the folder of a function: its text files, its links, and subfolders of which the names matter.
FUNCTION_TEXTS = re.compile(
    r"vendor|device|class|subsystem_vendor|subsystem_device|revision|modalias|uevent|irq|numa_node|local_cpulist"
    r"|local_cpus|resource|resource[0-5]_resize|driver_override|d3cold_allowed|power_state|reset_method|boot_vga|enable"
    r"|current_link_(speed|width)|max_link_(speed|width)|sriov_[a-z_]+|ari_enabled|msi_bus|aer_dev_[a-z]+|label"
    r"|acpi_index|broken_parity_status",
    re.ASCII,
)
FUNCTION_LINKS = re.compile(r"driver|iommu_group|physfn|virtfn[0-9]+|subsystem", re.ASCII)
FUNCTION_PRESENCE = re.compile(r"reset|rom|resource[0-5](_wc)?", re.ASCII)
FUNCTION_NAMES = ("drm", "infiniband", "net", "nvme", "sound", "vfio-dev")
VPD_MARK = b"SW_MNG"
POWER_TEXTS = ("control", "runtime_status")
VGPU_TEXTS = re.compile(r"creatable_vgpu_types|current_vgpu_type|gpu_instance_id|placement_id|vgpu_params", re.ASCII)
MDEV_TEXTS = ("available_instances", "description", "device_api", "name")
