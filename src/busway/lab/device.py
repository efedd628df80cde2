"""Which PCI devices a lab host has, and where they sit.

    pcie.0 ── pxb0, bus 0x40, NUMA node 0 ── root port ── one slot each
           ├─ pxb1, bus 0x80, NUMA node 1 ── root port ── one slot each
           └─ old0, a conventional bridge: all behind it share one IOMMU group

The PCI address of a device is not written here: firmware numbers the buses, so a reader finds a device by its ids.
"""

from __future__ import annotations

from dataclasses import dataclass

GPU_VENDOR, GPU_PRODUCT = "1234", "1111"
MAX_GPUS = 48


@dataclass(frozen=True, slots=True)
class Function:
    """One PCI function: a QEMU device model with its options, and the ids the machine sees."""

    model: str
    vendor_product: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """What is in one slot: its functions, the bus it sits on and the NUMA node of that bus (None: no node)."""

    name: str
    bus: str
    numa_node: int | None
    functions: tuple[Function, ...]
    needs: tuple[str, ...] = ()


def devices(gpus: int, host: int = 1, nic: str = "") -> list[Device]:
    """List the devices of lab host number `host` with `gpus` identical GPUs, spread over two NUMA nodes.

    Every GPU and every card sits on a root port of its own, so in an IOMMU group of its own. With a MAC as `nic` there is a
    network card beside them, on a wire of its own.
    """
    if not 0 <= gpus <= MAX_GPUS:
        raise ValueError(f"a lab host has 0 to {MAX_GPUS} GPUs, not {gpus}")
    plain = [Device(f"gpu{n}", f"pxb{n % 2}", n % 2, (_gpu("bochs-display"),)) for n in range(gpus)]
    cards = [_card(), _virtio_gpu(), _sriov_nvme(host), *([_nic(nic)] if nic else [])]
    return [*plain, *cards, *_behind_one_bridge()]


def _gpu(model: str) -> Function:
    return Function(model, f"{GPU_VENDOR}:{GPU_PRODUCT}")


def _card() -> Device:
    """A GPU with its audio function: two functions of one slot, so one IOMMU group.

    `romfile=` because the VGA ROM would be run by the firmware; `model=rv100` gives the id of a Radeon of 2000.
    """
    picture = Function("ati-vga", "1002:5159", ("model=rv100", "romfile="))
    return Device("card", "pxb0", 0, (picture, Function("intel-hda", "8086:2668")))


def _virtio_gpu() -> Device:
    return Device("virtio-gpu", "pxb1", 1, (Function("virtio-gpu-pci", "1af4:1050"),))


def _sriov_nvme(host: int) -> Device:
    """A physical function with four virtual ones; QEMU gives SR-IOV to an NVMe controller inside a subsystem."""
    sriov = ("sriov_max_vfs=4", "sriov_vq_flexible=8", "sriov_vi_flexible=4", "max_ioqpairs=10", "msix_qsize=9")
    options = (f"serial=BUSWAY{host:02d}NVME", "subsys=subsys0", *sriov)
    subsystem = f"nvme-subsys,id=subsys0,nqn=busway-{host}"
    return Device("nvme", "pxb1", 1, (Function("nvme", "1b36:0010", options),), needs=(subsystem,))


def _nic(mac: str) -> Device:
    """A network card that a guest can have: one that reads and writes memory through the IOMMU, and has no SR-IOV.

    QEMU has cards with virtual functions (igb) from version 8 on.
    """
    options = ("netdev=wire", f"mac={mac}", "disable-legacy=on", "iommu_platform=on", "romfile=")
    return Device("nic", "pxb0", 0, (Function("virtio-net-pci", "1af4:1041", options),))


def _behind_one_bridge() -> list[Device]:
    """Two devices that a conventional bridge forces into one group: the topology nobody wants."""
    return [
        Device("bridged-gpu", "old0", None, (_gpu("secondary-vga"),)),
        Device("bridged-edu", "old0", None, (Function("edu", "1234:11e8"),)),
    ]


def arguments(layout: list[Device]) -> list[str]:
    """Write the layout as QEMU arguments: the buses, one root port per slot, the functions."""
    args = [
        *("-device", "pxb-pcie,id=pxb0,bus_nr=0x40,numa_node=0,bus=pcie.0,addr=0x8"),
        *("-device", "pxb-pcie,id=pxb1,bus_nr=0x80,numa_node=1,bus=pcie.0,addr=0x9"),
        *("-device", "pcie-pci-bridge,id=old0,bus=pcie.0,addr=0xa"),
    ]
    slots: dict[str, int] = {}
    for device in layout:
        slot = slots[device.bus] = slots.get(device.bus, -1) + 1
        args += _slot(device, slot)
    return args


def _slot(device: Device, slot: int) -> list[str]:
    args = [word for need in device.needs for word in ("-device", need)]
    if device.numa_node is None:
        return args + _functions(device, device.bus, slot + 1)
    chassis = device.numa_node + 1
    port = f"pcie-root-port,id=port-{device.name},bus={device.bus},addr={slot:#x},chassis={chassis},slot={slot}"
    return [*args, "-device", port, *_functions(device, f"port-{device.name}", 0)]


def _functions(device: Device, bus: str, slot: int) -> list[str]:
    args = []
    for number, function in enumerate(device.functions):
        first_of_many = number == 0 and len(device.functions) > 1
        words = [function.model, f"id={device.name}-{number}", f"bus={bus}", f"addr={slot:#x}.{number}"]
        words += ["multifunction=on"] if first_of_many else []
        args += ["-device", ",".join([*words, *function.options])]
    return args
