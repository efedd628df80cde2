"""The totals of a host, and the line about them in the log."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from busway.agent.blank_disk import can_make_blank
from busway.domain.dedicated_cpus import NO_SETS, CpuSets
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.documents import Desired, DesiredServer, HostResources
from busway.domain.grant import Held
from busway.domain.guest_machine import MachineWord
from busway.domain.host_facts import GuestAct
from busway.domain.units import KINDS
from busway.hardware.cpu_cgroup import shares_cpus
from busway.hardware.huge_pages import HugePages, paged_cell, read_huge_pages
from busway.hardware.isolation import read_unsafe
from busway.hardware.numa import kept_apart, online_cpus, read_cells
from busway.hypervisor.seam import HypervisorFacts

_GB = 1 << 30


def measure(
    facts: HypervisorFacts, root: Path, state: Path, virt_type: str, cpus: CpuSets = NO_SETS, *, paged: bool = False
) -> HostResources:
    """The totals of this host: from the hypervisor, from the kernel (NUMA nodes) and from the file system (disk)."""
    cells = tuple(kept_apart(root, cell, cpus) for cell in read_cells(root))
    pages = read_huge_pages(root) if paged else HugePages(0, 0)
    return HostResources(
        vcpus=facts.vcpus if cpus == NO_SETS else len(cpus.shared_of(online_cpus(root))),
        ram_mb=pages.ram_mb if paged else facts.ram_mb,
        disk_gb=shutil.disk_usage(state).total // _GB,
        hypervisor_type=facts.type,
        hypervisor_version=facts.version,
        cpu_model=facts.cpu_model,
        virt_type=virt_type,
        architecture=facts.architecture,
        cpu_features=facts.cpu_features,
        cells=tuple(paged_cell(root, cell, pages.size_kb) for cell in cells) if paged else cells,
        guests=facts.guests,
        kinds=tuple(KINDS),
        unsafe=read_unsafe(root),
        acts=tuple(GuestAct),
        machine=(
            *facts.machine,
            MachineWord.LIMITS,
            *((MachineWord.CPU_LIMITS,) if shares_cpus(root) else ()),
            *((MachineWord.EXTRA_DISKS,) if can_make_blank() else ()),
            *((MachineWord.HUGE_PAGES, f"pages-{pages.size_kb}") if paged else ()),
        ),
        paged=paged,
        booted=_booted(root),
    )


def _booted(root: Path) -> int:
    """When the kernel started (the line btime of /proc/stat), 0 where that can't be read."""
    try:
        lines = (root / "proc/stat").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("btime ")), 0)


def resource_view(
    host: str,
    resources: HostResources,
    desired: Desired | None,
    inventory: Iterable[PciDevice],
    held: Iterable[Held],
) -> str:
    """One line in the manner of nova-compute's resource tracker: what is there, what is used, which devices are free.

    The pools count GPUs and SR-IOV functions that no server holds; only the control plane knows which of them are
    offered.
    """
    servers = desired.servers if desired else ()
    return (
        f"Final resource view: name={host} phys_ram={resources.ram_mb}MB used_ram={sum(s.ram_mb for s in servers)}MB "
        f"phys_disk={resources.disk_gb}GB used_disk={sum(_local_gb(s) for s in servers)}GB "
        f"total_vcpus={resources.vcpus} used_vcpus={sum(s.vcpus for s in servers)} "
        f"pci_stats=[{', '.join(_pools(inventory, held))}]"
    )


def _local_gb(server: DesiredServer) -> int:
    """All disks of a server, as `Flavor.local_gb` counts them."""
    return server.disk_gb + server.machine.ephemeral_gb + -(-server.machine.swap_mb // 1024)


def _pools(inventory: Iterable[PciDevice], held: Iterable[Held]) -> list[str]:
    taken = {each.unit.name for each in held}
    free: Counter[tuple[str, str, str, str]] = Counter()
    for device in inventory:
        if device.is_gpu or device.kind is not DeviceKind.PCI or str(device.address) in taken:
            node = "None" if device.numa_node is None else str(device.numa_node)
            free[device.vendor_id, device.product_id, node, device.kind.value] += str(device.address) not in taken
    return [
        f"PciPool(vendor_id={vendor}, product_id={product}, numa_node={node}, dev_type={kind}, count={count})"
        for (vendor, product, node, kind), count in sorted(free.items())
    ]
