"""The QEMU command line of a lab host: a pure function of what the host is to be."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from busway.lab.device import arguments, devices

CHANNEL_ADDRESS, CHANNEL_PORT = "10.0.3.15", 2323
_NAMESPACE = uuid.UUID("6f1e9c02-6f5c-4bd5-9a54-6c1b7f0a7e11")


@dataclass(frozen=True, slots=True)
class Machine:
    """What one lab host is made of; file names are relative to the host's state folder, QEMU's working directory.

    `iommu` is the hardware; `kernel_arguments` tell the kernel whether to use it.
    """

    index: int
    gpus: int = 4
    iommu: bool = True
    accel: str = "tcg"
    memory_mib: int = 4096
    kernel: str = "vmlinuz"
    initramfs: str = "initramfs"
    modules: str = ""
    kernel_arguments: str = "intel_iommu=on"
    nic: bool = False  # whether it has a network card that can be given to a guest
    tsc_khz: int = 0  # the rate of its time stamp counter; 0 lets its kernel find it out
    peer: int = 0  # the index of the host that a third card of its own is wired to; 0 for none

    @property
    def name(self) -> str:
        """The name of the host, as in `gpu-host-1`."""
        return f"gpu-host-{self.index}"

    @property
    def address(self) -> str:
        """The IPv4 address of the host's bridge on the network it shares with its guests."""
        return f"10.0.2.{14 + self.index}"

    @property
    def link_address(self) -> str:
        """The IPv4 address of the card that is wired to the peer's."""
        return f"10.0.5.{14 + self.index}"

    @property
    def uuid(self) -> uuid.UUID:
        """The machine's own UUID, from which its machine-id is made too; the same at each boot."""
        return uuid.uuid5(_NAMESPACE, self.name)

    def mac(self, nic: int) -> str:
        """The hardware address of network card number `nic`, distinct per host."""
        return f"52:54:00:b5:{self.index:02x}:{nic:02x}"


def command(machine: Machine) -> list[str]:
    """Write the QEMU command line that boots `machine`."""
    return [
        "qemu-system-x86_64",
        *_processor(machine),
        *_memory(machine),
        *("-display", "none", "-nodefaults", "-no-user-config", "-no-reboot"),
        *("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"),
        *("-name", machine.name, "-uuid", str(machine.uuid), "-smbios", f"type=1,serial=busway-{machine.index}"),
        *("-serial", "file:console.log", "-qmp", "unix:qmp.sock,server=on,wait=off"),
        *(("-device", "intel-iommu,intremap=on") if machine.iommu else ()),
        *_boot(machine),
        *_disks(machine),
        *_network(machine),
        *("-device", "virtio-rng-pci,bus=pcie.0,addr=0x7"),
        *_link(machine),
        *(("-netdev", "user,id=wire,net=10.0.4.0/24,restrict=on") if machine.nic else ()),
        *arguments(devices(machine.gpus, machine.index, machine.mac(2) if machine.nic else "")),
    ]


def _processor(machine: Machine) -> list[str]:
    """One vCPU under TCG: with two, a vCPU was seen waiting for ever for the other's answer to an interrupt.

    Interrupt remapping under KVM needs the split interrupt controller.
    """
    if machine.accel == "kvm":
        return ["-accel", "kvm", "-M", "q35,kernel-irqchip=split", "-cpu", "host", "-smp", "2"]
    return ["-accel", "tcg,thread=multi,tb-size=1024", "-M", "q35", "-cpu", "max", "-smp", "1"]


def _memory(machine: Machine) -> list[str]:
    """Two NUMA nodes; the second has memory and devices but no processor."""
    half = machine.memory_mib // 2
    return [
        *("-m", f"{2 * half}M"),
        *("-object", f"memory-backend-ram,id=memory0,size={half}M"),
        *("-object", f"memory-backend-ram,id=memory1,size={half}M"),
        *("-numa", f"node,nodeid=0,cpus=0{'-1' if machine.accel == 'kvm' else ''},memdev=memory0"),
        *("-numa", "node,nodeid=1,memdev=memory1"),
    ]


def _boot(machine: Machine) -> list[str]:
    words = ["console=ttyS0", "quiet", "panic=-1", "mitigations=off", "nokaslr", "net.ifnames=0"]
    words += ["tsc=reliable", "no_timer_check"] if machine.accel == "tcg" else []
    words += [f"tsc_early_khz={machine.tsc_khz}"] if machine.tsc_khz else []
    words += [each for each in machine.kernel_arguments.split() if machine.iommu or not each.startswith("intel_iommu")]
    words += [f"busway.modules={machine.modules}"]
    return ["-kernel", machine.kernel, "-initrd", machine.initramfs, "-append", " ".join(words)]


def _disks(machine: Machine) -> list[str]:
    """The outer machine's files (read only), a small folder shared both ways, and the disk that outlives a boot."""
    return [
        *("-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"),
        *("-device", "virtio-9p-pci,fsdev=root,mount_tag=root,bus=pcie.0,addr=0x2"),
        *("-fsdev", "local,id=share,path=share,security_model=none"),
        *("-device", "virtio-9p-pci,fsdev=share,mount_tag=share,bus=pcie.0,addr=0x3"),
        *("-drive", "if=none,id=data,file=data.img,format=raw,discard=unmap"),
        *("-device", f"virtio-blk-pci,drive=data,serial=busway-{machine.index}-data,bus=pcie.0,addr=0x4"),
    ]


def _network(machine: Machine) -> list[str]:
    """Two cards: one bridged with the guests, one only for commands from outside, out of the guests' reach."""
    guests = "user,id=guests,net=10.0.2.0/24,dhcpstart=10.0.2.200"
    control = f"user,id=control,net=10.0.3.0/24,restrict=on,hostfwd=tcp:127.0.0.1:0-{CHANNEL_ADDRESS}:{CHANNEL_PORT}"
    return [
        *("-netdev", guests, "-device", f"virtio-net-pci,netdev=guests,mac={machine.mac(0)},bus=pcie.0,addr=0x5"),
        *("-netdev", control, "-device", f"virtio-net-pci,netdev=control,mac={machine.mac(1)},bus=pcie.0,addr=0x6"),
    ]


def _link(machine: Machine) -> list[str]:
    """A card on a wire to one other host: frames as datagrams between Unix sockets, so nothing of the outer network is on it."""
    if not machine.peer:
        return []
    ends = f"local.type=unix,local.path=link.sock,remote.type=unix,remote.path=../gpu-host-{machine.peer}/link.sock"
    return [
        *("-netdev", f"dgram,id=link,{ends}"),
        *("-device", f"virtio-net-pci,netdev=link,mac={machine.mac(3)},bus=pcie.0,addr=0xb"),
    ]
