"""A host that has nothing wrong, and one injected fault for each check."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from busway.hardware.bar import Bar
from busway.testing.machines import Machine, attach, detach

QEMU_CONF = "etc/libvirt/qemu.conf"
CONFINED = '# user = "root"\n#seccomp_sandbox = 0\nuser = "libvirt-qemu"\nvnc_password = "secret"\n'
GIB, MIB = 1 << 30, 1 << 20
GPU = "0000:41:00.0"
AUDIO = "0000:41:00.1"
PORT = "0000:40:01.0"

BARS = (
    Bar(0, 16 * MIB, 0x20_0000_0000, is_64bit=True, is_prefetchable=True),
    Bar(2, 64 * GIB, 0x40_0000_0000, is_64bit=True, is_prefetchable=True),
    Bar(6, 512 << 10, 0xD000_0000),
)
_UNASSIGNED = 0x20142208  # the flags of a 64-bit memory window without an address
_AWAKE = {"d3cold_allowed": "0", "power/control": "on"}
_LINK = {"current_link_width": "16", "max_link_width": "16", "aer_dev_fatal": "DLP 0\nTOTAL_ERR_FATAL 0"}


def healthy(root: Path) -> Machine:
    """A Debian host with an Intel IOMMU, and a card of GPU and audio behind a root port of its own."""
    machine = Machine(root)
    machine.numa(["0-7", "8-15"])
    for path, text in {
        "etc/os-release": 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"',
        "etc/default/grub": 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX=""',
        "etc/initramfs-tools/modules": "# modules for the initramfs",
        "boot/grub/grub.cfg": "# written by update-grub",
        "proc/cpuinfo": "vendor_id\t: GenuineIntel\naddress sizes\t: 46 bits physical, 57 bits virtual\nflags\t\t: fpu vmx",
        "proc/cmdline": "BOOT_IMAGE=/vmlinuz ro quiet intel_iommu=on iommu=pt",
        "proc/sys/kernel/osrelease": "6.8.0-1-amd64",
        "proc/interrupts": "  0:  9  IR-IO-APIC  2-edge  timer",
        "proc/meminfo": "MemTotal:  263950000 kB\nMemAvailable: 250000000 kB\nHugePages_Total:       0",
        "dev/null": "", "dev/kvm": "", "dev/vfio/vfio": "", "sys/module/kvm/parameters/ignore_msrs": "N",
        "sys/firmware/acpi/tables/DMAR": "", "sys/firmware/acpi/tables/APIC": "", "sys/firmware/efi/fw_platform_size": "64",
        QEMU_CONF: CONFINED, "sys/module/apparmor/parameters/enabled": "Y", "etc/apparmor.d/libvirt/TEMPLATE.qemu": "",
        "sys/kernel/security/lockdown": "[none] integrity confidentiality",
        "sys/module/vfio_pci/initstate": "live", "sys/module/kvm_intel/initstate": "live",
    }.items():  # fmt: skip
        machine.write(path, text)
    machine.bridge(PORT, group=9, node=0)
    files = {**_AWAKE, **_LINK}
    machine.function(GPU, "10de:2231", "030200", group=10, node=0, driver="nouveau", under=PORT, bars=BARS, files=files)
    machine.function(AUDIO, "10de:1aef", "040300", group=10, node=0, driver="snd_hda_intel", under=PORT, files=_AWAKE)
    machine.write("sys/kernel/iommu_groups/9/type", "identity")
    machine.write("sys/kernel/iommu_groups/10/type", "identity")
    return machine


def healthy_amd(root: Path) -> Machine:
    """An openSUSE host with an AMD IOMMU and a GPU that is with vfio-pci."""
    machine = healthy(root)
    machine.write(
        "etc/os-release", 'ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\nPRETTY_NAME="openSUSE Tumbleweed"'
    )
    machine.write("proc/cpuinfo", "vendor_id\t: AuthenticAMD\naddress sizes\t: 52 bits physical\nflags\t\t: svm")
    machine.write("proc/cmdline", "quiet iommu=pt")
    (machine.root / "sys/firmware/acpi/tables/DMAR").rename(machine.root / "sys/firmware/acpi/tables/IVRS")
    for address in (GPU, AUDIO):
        move(machine, address, "vfio-pci")
    return machine


def move(machine: Machine, address: str, driver: str) -> None:
    """Gives a function to another driver."""
    detach(machine.root, address)
    (machine.root / "sys/bus/pci/drivers" / driver).mkdir(exist_ok=True)
    attach(machine.root, address, driver)


def set_file(machine: Machine, name: str, text: str, address: str = GPU) -> None:
    """Writes a file of a function."""
    machine.write(f"sys/bus/pci/devices/{address}/{name}", text)


def remove(machine: Machine, path: str) -> None:
    """Removes a file or a folder."""
    full = machine.root / path
    if full.is_dir():
        shutil.rmtree(full)
    else:
        full.unlink()


def without_iommu(machine: Machine) -> None:
    """Takes all groups away, as a kernel without its IOMMU does."""
    remove(machine, "sys/kernel/iommu_groups")
    (machine.root / "sys/kernel/iommu_groups").mkdir()
    for folder in (machine.root / "sys/bus/pci/devices").iterdir():
        (folder / "iommu_group").unlink(missing_ok=True)


def change_ids(machine: Machine, ids: str, address: str = GPU) -> None:
    """Makes a function another product."""
    (machine.folder(address) / "modalias").unlink()
    vendor, product = ids.split(":")
    set_file(machine, "vendor", f"0x{vendor}", address)
    set_file(machine, "device", f"0x{product}", address)


def add_vfs(machine: Machine, *, total: int, made: int, driver: str = "nvidia") -> None:
    """Makes the GPU a physical function."""
    set_file(machine, "sriov_totalvfs", str(total))
    set_file(machine, "sriov_numvfs", "0")
    for number in range(made):
        files = {**_AWAKE, "nvidia/current_vgpu_type": "0", "nvidia/creatable_vgpu_types": "1145 : L40S-1B"}
        vf = machine.vf(GPU, number, "10de:2231", group=20 + number, node=0, driver=driver, files=files)
        machine.write(
            f"sys/kernel/iommu_groups/{machine.folder(vf).joinpath('iommu_group').readlink().name}/type", "identity"
        )


def _iommu_firmware(machine: Machine) -> None:
    without_iommu(machine)
    remove(machine, "sys/firmware/acpi/tables/DMAR")


def _iommu_off(machine: Machine) -> None:
    without_iommu(machine)
    machine.write("proc/cmdline", "BOOT_IMAGE=/vmlinuz ro quiet")


def _no_group(machine: Machine) -> None:
    for address in (GPU, AUDIO):
        (machine.folder(address) / "iommu_group").unlink()
        (machine.root / "sys/kernel/iommu_groups/10/devices" / address).unlink()


def _vfio_missing(machine: Machine) -> None:
    remove(machine, "sys/bus/pci/drivers/vfio-pci")
    machine.write("lib/modules/6.8.0-1-amd64/modules.dep", "kernel/drivers/gpu/nouveau.ko:")


def _vfio_not_loaded(machine: Machine) -> None:
    remove(machine, "sys/bus/pci/drivers/vfio-pci")
    machine.write("lib/modules/6.8.0-1-amd64/modules.dep", "kernel/drivers/vfio/pci/vfio-pci.ko.xz:")


def _ignore_msrs(machine: Machine) -> None:
    (machine.folder(GPU) / "modalias").unlink()
    set_file(machine, "class", "0x030000")


def _iommu_domain(machine: Machine) -> None:
    machine.write("sys/kernel/iommu_groups/10/type", "DMA-FQ")
    machine.write("proc/cmdline", "quiet intel_iommu=on")


def _group_shared(machine: Machine) -> None:
    machine.function("0000:42:00.0", "8086:1533", "020000", group=10, node=0, driver="igb")


def _hold(pid: int, name: str) -> Callable[[Machine], None]:
    def act(machine: Machine) -> None:
        set_file(machine, "drm/card0/dev", "226:0")
        machine.hold(pid, name, "/dev/dri/card0")

    return act


def _boot_framebuffer(machine: Machine) -> None:
    machine.write("proc/iomem", f"4000000000-4fffffffff : {GPU}\n  4000000000-4001fa3fff : BOOTFB")


def _boot_display(machine: Machine) -> None:
    set_file(machine, "boot_vga", "1")
    remove(machine, "sys/firmware/efi")


def _vgpu_vf_on_vfio(machine: Machine) -> None:
    move(machine, GPU, "nvidia")
    add_vfs(machine, total=4, made=2)
    move(machine, "0000:41:00.5", "vfio-pci")
    remove(machine, "sys/bus/pci/devices/0000:41:00.5/nvidia")


def _nvswitch(machine: Machine, driver: str, mode: int) -> None:
    machine.function("0000:05:00.0", "10de:22a3", "068000", group=9, node=0, driver=driver)
    machine.write("run/nvidia-fabricmanager/socket", "")
    machine.write("usr/share/nvidia/nvswitch/fabricmanager.cfg", f"LOG_LEVEL=4\nFABRIC_MODE={mode}")


def _render_node(m: Machine) -> None:
    """QEMU has its display of a virtio GPU, and not the module that draws for it."""
    m.write("dev/dri/by-path/pci-0000:00:02.0-render", "")
    m.write("usr/lib/x86_64-linux-gnu/qemu/hw-display-virtio-gpu.so", "")


def _twin_ids(machine: Machine) -> None:
    move(machine, GPU, "vfio-pci")
    move(machine, AUDIO, "vfio-pci")
    machine.function("0000:51:00.0", "10de:2231", "030200", group=11, node=0, driver="vfio-pci", files=_AWAKE)
    machine.write("sys/kernel/iommu_groups/11/type", "identity")
    machine.write("proc/cmdline", "quiet intel_iommu=on iommu=pt vfio-pci.ids=10de:2231")


def _early(machine: Machine, ids: str = "10de:2231") -> None:
    machine.write("etc/modprobe.d/vfio.conf", f"options vfio-pci ids={ids} disable_vga=1")
    machine.write("etc/initramfs-tools/modules", "vfio-pci")


def _early_bind_initramfs(machine: Machine) -> None:
    move(machine, GPU, "vfio-pci")
    move(machine, AUDIO, "vfio-pci")
    machine.write("etc/modprobe.d/vfio.conf", "options vfio-pci ids=10de:2231,10de:1aef")


def _amd_late_bind(machine: Machine) -> None:
    change_ids(machine, "1002:73bf")
    change_ids(machine, "1002:ab28", AUDIO)
    move(machine, GPU, "vfio-pci")
    move(machine, AUDIO, "vfio-pci")
    _early(machine, "1002:73bf")


def _vgpu_vfs_absent(machine: Machine) -> None:
    move(machine, GPU, "nvidia")
    add_vfs(machine, total=32, made=0)
    machine.write("sys/module/nvidia_vgpu_vfio/initstate", "live")


def _intel(machine: Machine, argument: str) -> None:
    change_ids(machine, "8086:56c0")
    change_ids(machine, "8086:4f90", AUDIO)
    move(machine, GPU, "i915")
    machine.write("proc/cmdline", f"quiet intel_iommu=on iommu=pt {argument}")


def _mxgpu(machine: Machine) -> None:
    change_ids(machine, "1002:74a1")
    change_ids(machine, "1002:ab28", AUDIO)
    move(machine, GPU, "gim")
    add_vfs(machine, total=8, made=0)
    machine.write("sys/module/gim/initstate", "live")


def _device_gone(machine: Machine) -> None:
    (machine.folder(GPU) / "config").write_bytes(b"\xff" * 64)


def _no_reset(machine: Machine) -> None:
    for address in (GPU, AUDIO):
        set_file(machine, "reset_method", "", address)
        remove(machine, f"sys/bus/pci/devices/{address}/reset")
    machine.function("0000:42:00.0", "8086:1533", "020000", group=12, node=0, driver="igb", under=PORT)
    machine.write("sys/kernel/iommu_groups/12/type", "identity")


def _reset_scope(machine: Machine) -> None:
    set_file(machine, "reset_method", "bus")
    machine.function("0000:42:00.0", "8086:1533", "020000", group=12, node=0, driver="igb", under=PORT)
    machine.write("sys/kernel/iommu_groups/12/type", "identity")


def _vendor_reset(machine: Machine) -> None:
    change_ids(machine, "1002:731f")
    change_ids(machine, "1002:ab38", AUDIO)


def _bar_unassigned(machine: Machine) -> None:
    lines = (machine.folder(GPU) / "resource").read_text().splitlines()
    lines[2] = f"0x{0:016x} 0x{64 * GIB - 1:016x} 0x{_UNASSIGNED:016x}"
    set_file(machine, "resource", "\n".join(lines))


def _vf_bars(machine: Machine) -> None:
    set_file(machine, "sriov_totalvfs", "16")
    set_file(machine, "sriov_numvfs", "0")
    lines = (machine.folder(GPU) / "resource").read_text().splitlines()
    lines += [f"0x{0:016x} 0x{GIB - 1:016x} 0x{_UNASSIGNED:016x}"]
    set_file(machine, "resource", "\n".join(lines))


def _address_space(machine: Machine) -> None:
    machine.write(
        "proc/cpuinfo", "vendor_id\t: GenuineIntel\naddress sizes\t: 36 bits physical, 48 bits virtual\nflags\t: vmx"
    )


def iommu_of(machine: Machine, capability: str, cpu_bits: int) -> None:
    """An Intel IOMMU with a capability register, beside a CPU of so many address bits."""
    machine.write("sys/class/iommu/dmar0/intel-iommu/cap", capability)
    text = f"vendor_id\t: GenuineIntel\naddress sizes\t: {cpu_bits} bits physical, 48 bits virtual\nflags\t: vmx"
    machine.write("proc/cpuinfo", text)


def _guest_memory(machine: Machine) -> None:
    machine.write("proc/meminfo", "MemTotal:  1500000 kB\nHugePages_Total:       0")


def _rom_shadowed(machine: Machine) -> None:
    set_file(machine, "boot_vga", "1")
    (machine.folder(GPU) / "modalias").unlink()
    set_file(machine, "class", "0x030000")
    lines = (machine.folder(GPU) / "resource").read_text().splitlines()
    set_file(machine, "resource", "\n".join([*lines[:6], " ".join(["0x" + 16 * "0"] * 3)]))


def _b200(machine: Machine) -> None:
    change_ids(machine, "10de:2901")
    machine.function("0000:51:00.0", "10de:2901", "030200", group=11, node=0, driver="nvidia", files=_AWAKE)
    machine.write("sys/kernel/iommu_groups/11/type", "identity")


def _unset_vgpus(machine: Machine) -> None:
    move(machine, GPU, "nvidia")
    add_vfs(machine, total=4, made=2)


def typed_vgpu(machine: Machine) -> None:
    """Makes two virtual functions, of which the second has a vGPU type."""
    _unset_vgpus(machine)
    set_file(machine, "nvidia/current_vgpu_type", "1145", "0000:41:00.5")


def _no_vgpu_driver(machine: Machine) -> None:
    _unset_vgpus(machine)
    for address in ("0000:41:00.4", "0000:41:00.5"):
        remove(machine, f"sys/bus/pci/devices/{address}/nvidia")


def _smi(machine: Machine, mig: str) -> None:
    machine.write("busway-answers/nvidia-smi", f"00000000:41:00.0, 570.86.15, {mig}, Default")


def _mig_for_vgpu(machine: Machine) -> None:
    typed_vgpu(machine)
    set_file(machine, "nvidia/creatable_vgpu_types", "1145 : H100-1-10C", "0000:41:00.5")
    _smi(machine, "Disabled")


def _wide_domain(machine: Machine) -> None:
    machine.function("10000:01:00.0", "10de:2231", "030200", group=12, node=0, driver="nouveau", files=_AWAKE)
    machine.write("sys/kernel/iommu_groups/12/type", "identity")


def _resizable(machine: Machine) -> None:
    set_file(machine, "resource2_resize", f"{1 << 17:016x}")  # 128 GiB


def _pages(machine: Machine) -> None:
    folder = "sys/kernel/mm/hugepages/hugepages-1048576kB"
    for kind, number in (("nr", 20), ("free", 20), ("resv", 8)):
        machine.write(f"{folder}/{kind}_hugepages", str(number))
    machine.write("proc/meminfo", "MemTotal:  263950000 kB\nMemAvailable: 240000000 kB\nHugePages_Total:      20")


def _cdev(machine: Machine) -> None:
    move(machine, GPU, "vfio-pci")
    move(machine, AUDIO, "vfio-pci")
    machine.write("dev/iommu", "")


def legacy_rom() -> bytes:
    """A ROM with one image, of the kind that a BIOS starts."""
    data = bytearray(512)
    data[0:2], data[24:26] = b"\x55\xaa", (64).to_bytes(2, "little")
    data[64:68], data[80:82], data[84], data[85] = b"PCIR", (1).to_bytes(2, "little"), 0, 0x80
    return bytes(data)


def _legacy_rom(machine: Machine) -> None:
    (machine.folder(GPU) / "modalias").unlink()
    set_file(machine, "class", "0x030000")
    (machine.folder(GPU) / "rom").write_bytes(legacy_rom())


def as_guest(machine: Machine, driver: str = "nvidia") -> None:
    """Makes the host a guest of QEMU, in which the GPU has this driver."""
    machine.write("sys/class/dmi/id/sys_vendor", "QEMU")
    machine.write(
        "proc/cpuinfo", "vendor_id\t: GenuineIntel\naddress sizes\t: 46 bits physical\nflags\t\t: fpu vmx hypervisor"
    )
    move(machine, GPU, driver)
    machine.write(
        "proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release"
    )


def _fabric_version(machine: Machine) -> None:
    machine.write(
        "proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release"
    )
    machine.write("busway-answers/fabric-manager", "Fabric Manager version is : 550.54.15")


def _confidential_gpu(machine: Machine) -> None:
    move(machine, GPU, "nvidia")
    machine.write("busway-answers/nvidia-cc", "CC status: ON")


def _guest_fabric(machine: Machine) -> None:
    as_guest(machine)
    machine.write("busway-answers/nvidia-fabric", "GPU 00000000:41:00.0\n    Fabric\n        State  : In Progress\n")


BROKEN: dict[str, Callable[[Machine], None]] = {
    "cpu-virtualization": lambda m: m.write("proc/cpuinfo", "vendor_id\t: GenuineIntel\nflags\t\t: fpu sse"),
    "iommu-firmware": _iommu_firmware,
    "iommu-off": _iommu_off,
    "no-group": _no_group,
    "interrupt-remapping": lambda m: m.write("proc/interrupts", "  0:  9  IO-APIC  2-edge  timer"),
    "vfio-missing": _vfio_missing,
    "vfio-not-loaded": _vfio_not_loaded,
    "vfio-node": lambda m: remove(m, "dev/vfio/vfio"),
    "iommu-domain": _iommu_domain,
    "lockdown": lambda m: m.write("sys/kernel/security/lockdown", "none [integrity] confidentiality"),
    "kernel-version": lambda m: m.write("proc/sys/kernel/osrelease", "5.10.0-30-amd64"),
    "group-shared": _group_shared,
    "companion-driver": lambda m: move(m, GPU, "vfio-pci"),
    "reserved-memory": lambda m: m.write("sys/kernel/iommu_groups/10/reserved_regions", "0x7c000000 0x7dffffff direct"),
    "device-held": _hold(900, "qemu-system-x86"),
    "persistence-daemon": _hold(640, "nvidia-persiste"),
    "dcgm": _hold(700, "nv-hostengine"),
    "display-server": _hold(812, "Xorg"),
    "boot-framebuffer": _boot_framebuffer,
    "boot-display": _boot_display,
    "vfs-enabled": lambda m: add_vfs(m, total=4, made=2),
    "vgpu-vf-on-vfio": _vgpu_vf_on_vfio,
    "nvswitch-driver": lambda m: _nvswitch(m, "vfio-pci", 1),
    "fabric-manager": lambda m: _nvswitch(m, "nvidia-nvswitch", 0),
    "acs-override": lambda m: m.write("proc/cmdline", "intel_iommu=on iommu=pt pcie_acs_override=downstream"),
    "qemu-seccomp": lambda m: m.write(QEMU_CONF, f"{CONFINED}seccomp_sandbox = 0\n"),
    "qemu-user": lambda m: m.write(QEMU_CONF, f'{CONFINED}user = "root"\n'),
    "qemu-profile": lambda m: m.write(QEMU_CONF, f'{CONFINED}security_driver = "none"\n'),
    "render-node": _render_node,
    "twin-ids": _twin_ids,
    "early-bind-lost": _early,
    "early-bind-initramfs": _early_bind_initramfs,
    "amd-late-bind": _amd_late_bind,
    "vgpu-vfs-absent": _vgpu_vfs_absent,
    "gvt-g": lambda m: _intel(m, "i915.enable_gvt=1"),
    "i915-sriov": lambda m: _intel(m, "i915.enable_guc=3 i915.max_vfs=7"),
    "mxgpu": _mxgpu,
    "device-gone": _device_gone,
    "no-reset": _no_reset,
    "reset-scope": _reset_scope,
    "vendor-reset": _vendor_reset,
    "d3cold": lambda m: set_file(m, "d3cold_allowed", "1"),
    "aer-errors": lambda m: set_file(m, "aer_dev_fatal", "DLP 3\nTOTAL_ERR_FATAL 3"),
    "link-narrow": lambda m: set_file(m, "current_link_width", "8"),
    "bar-unassigned": _bar_unassigned,
    "vf-bars": _vf_bars,
    "guest-address-space": _address_space,
    "guest-memory": _guest_memory,
    "rom-shadowed": _rom_shadowed,
    "numa-unknown": lambda m: set_file(m, "numa_node", "-1"),
    "hugepages": lambda m: None,
    "ignore-msrs": _ignore_msrs,
    "host-is-container": lambda m: m.write("run/systemd/container", "docker"),
    "dma-entry-limit": lambda m: m.write("sys/module/vfio_iommu_type1/parameters/dma_entry_limit", "4096"),
    "iommu-width": lambda m: iommu_of(m, "d2008c40660462", cpu_bits=46),
    "vfio-cdev": _cdev,
    "domain-wide": _wide_domain,
    "grace-driver": lambda m: change_ids(m, "10de:2941"),
    "vgpu-type-unset": _unset_vgpus,
    "vgpu-driver": _no_vgpu_driver,
    "fabric-nvlink5": _b200,
    "fabric-version": _fabric_version,
    "kernel-log": lambda m: m.write(
        "busway-answers/kernel-log", f"[    1.0] vfio-pci {GPU}: not ready 65535ms after FLR; giving up"
    ),
    "resizable-bar": _resizable,
    "hugepages-free": _pages,
    "memory-free": lambda m: m.write(
        "proc/meminfo", "MemTotal:  263950000 kB\nMemAvailable: 20000000 kB\nHugePages_Total:   0"
    ),
    "rom-not-uefi": _legacy_rom,
    "qemu-version": lambda m: m.write("busway-answers/qemu", "QEMU emulator version 6.2.0 (Debian 1:6.2)"),
    "ovn-chassis": lambda m: m.write("busway-answers/ovn-chassis", "ovn-controller does not answer under /run/ovn"),
    "libvirt-version": lambda m: m.write("busway-answers/libvirt", "libvirtd (libvirt) 8.0.0"),
    "ovmf-missing": lambda m: m.write("busway-answers/qemu", "QEMU emulator version 9.2.0"),
    "mig-left-on": lambda m: _smi(m, "Enabled"),
    "mig-for-vgpu": _mig_for_vgpu,
    "confidential-gpu": _confidential_gpu,
    "confidential-host": lambda m: m.write("proc/cmdline", "intel_iommu=on iommu=pt kvm_intel.tdx=1"),
    "guest-driver": lambda m: as_guest(m, "nouveau"),
    "guest-fabric": _guest_fabric,
}

# What the examination is asked beside the root: a guest's memory in bytes.
MEMORY = {"guest-memory": 64 * GIB // 32, "hugepages": 128 * GIB, "hugepages-free": 20 * GIB, "memory-free": 100 * GIB}
# A fault that is seen on another card than the GPU itself.
DEVICE = {
    "vgpu-vf-on-vfio": "0000:41:00.5",
    "vgpu-type-unset": "0000:41:00.4",
    "vgpu-driver": "0000:41:00.4",
    "mig-for-vgpu": "0000:41:00.5",
    "domain-wide": "10000:01:00.0",
}
# A fault that is seen inside a guest.
INSIDE = {"guest-driver", "guest-fabric"}
