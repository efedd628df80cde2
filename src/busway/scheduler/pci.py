"""Why devices of a host can't be given: a reason that is counted, and the facts of each device."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from busway.domain.alias import PciRequest
from busway.domain.dedicated_cpus import ThreadPolicy
from busway.domain.ids import DeviceId
from busway.domain.placement import TOGETHER, DeviceState, GuestCell, HostState, NumaCell
from busway.domain.virgl import VIRGL
from busway.domain.within import Within
from busway.scheduler.allocate import Wish, allocate
from busway.scheduler.hardware import Hardware, bits
from busway.scheduler.partition_fit import best_partition, left
from busway.scheduler.parts import parts
from busway.scheduler.shape import Shape

PCI_RULE = "PciPassthroughFilter"
NUMA_RULE = "NUMATopologyFilter"
OWNED = "belongs to another server"
PROMISED = "goes to another of these servers"
QUARANTINED = "is quarantined"
NOT_OFFERED = "no device_spec offers it"
CUT = "is cut into mediated devices"
RENDERS = "renders for guests, by shares of its render node"
FOREIGN_GROUP = "shares its IOMMU group with another device"
NO_GROUP = "has no IOMMU group (the host's IOMMU is off)"
_EXAMPLES = 4


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a device that matches a request can't be given: a reason that is counted, and the facts of this device."""

    why: str
    facts: str


@dataclass(frozen=True, slots=True)
class Shortage:
    """Which rule a shape fails for a wish and why; `missing` devices are lacking, 0 where only the NUMA nodes do not fit."""

    rule: str
    reason: str
    missing: int = 0
    devices: tuple[tuple[str, int], ...] = ()


def unusable(host: HostState) -> dict[DeviceId, str]:
    """Which offered devices of a host can't be given to any server, and why, regardless of the current claims."""
    free = replace(host, devices=tuple(replace(d, claimed_by=None, quarantined=None) for d in host.devices))
    hardware = Hardware(free.devices)
    found = {}
    for place, state in enumerate(free.devices):
        if state.offered and hardware.lots[place] is None:
            exclusion = _exclusion(free, hardware, place, 0)
            assert exclusion is not None
            found[state.id] = f"{exclusion.why} ({exclusion.facts})"
    return found


def shortage(host: HostState, shape: Shape, wish: Wish) -> Shortage:
    """Why hosts of a shape have no choice of devices for a wish; kept with the shape, whichever host is asked."""
    key = ("shortage", wish)
    known: Shortage | None = shape.answers.get(key)
    if known is None:
        known = shape.answers[key] = _shortage(host, shape, wish)
    return known


def examples(host: HostState, shape: Shape, wish: Wish) -> tuple[str, ...]:
    """The facts of the first devices that a host can't give."""
    short = _first_short(shape, wish)
    return tuple(each.facts for each in _exclusions(host, shape, *short)[:_EXAMPLES]) if short else ()


def _shortage(host: HostState, shape: Shape, wish: Wish) -> Shortage:
    short = _first_short(shape, wish)
    if short is not None:
        return _short(host, shape, *short)
    if wish.within is not None and allocate(shape, Wish(tuple(replace(each, within=None) for each in wish.pci))):
        return Shortage(PCI_RULE, _scattered(shape, wish, wish.within), missing=1)
    if wish.cells and allocate(shape, Wish(wish.pci)) is not None:
        return Shortage(NUMA_RULE, _numa_reason(shape, wish))
    for request in wish.pci:
        if request.alias.link is not None and (apart := _apart(shape, request)):
            return Shortage(PCI_RULE, apart, missing=1)
    wanted = " and ".join(request.describe() for request in wish.pci)
    return Shortage(PCI_RULE, f"{wanted} wanted, and no choice of its free devices serves all of them", missing=1)


def _scattered(shape: Shape, wish: Wish, within: Within) -> str:
    """Why enough devices are free but not together; for a guest with NUMA cells, those that are may be too far from the cells."""
    wanted = " and ".join(request.describe() for request in wish.pci)
    found = [tuple(len(part.free_lots(each.alias)) for each in wish.pci) for part in parts(shape, within)]
    best = max(found, key=lambda free: [min(n, each.count) for n, each in zip(free, wish.pci, strict=True)])
    free = " and ".join(f"{n} of alias {each.alias.name}" for n, each in zip(best, wish.pci, strict=True))
    return f"{wanted} within {within.words} wanted; the most that are free within one: {free}"


def _apart(shape: Shape, request: PciRequest) -> str:
    """Why enough free GPUs are no partition, "" if they are."""
    known = shape.hardware.partitions
    free = bits(lot.place for lot in shape.free_lots(request.alias))
    if best_partition(known, free, request.count) is not None:
        return ""
    wanted = f"{request.describe()} joined by {request.alias.link} wanted"
    if not known:
        return f"{wanted}, and its host reports no NVLink fabric"
    sizes = sorted({gpus.bit_count() for gpus in known.values()}, reverse=True)
    counts = ", ".join(f"{count} of {size}" for size, count in zip(sizes, left(known, free), strict=True))
    return f"{wanted}, {free.bit_count()} free; free partitions of its fabric: {counts}"


def _first_short(shape: Shape, wish: Wish) -> tuple[PciRequest, int] | None:
    """The first request that can't be served, and the devices that those before it have taken as bits."""
    taken = 0
    for request in wish.pci:
        lots = shape.free_lots(request.alias, taken)
        if len(lots) < request.count:
            return request, taken
        for lot in lots[: request.count]:
            taken |= lot.devices
    return None


def _short(host: HostState, shape: Shape, request: PciRequest, taken: int) -> Shortage:
    free = len(shape.free_lots(request.alias, taken))
    exclusions = _exclusions(host, shape, request, taken)
    counts = Counter(exclusion.why for exclusion in exclusions)
    wanted = f"{request.describe()} wanted"
    if free or exclusions:
        reason = f"{wanted}, {free} free of {free + len(exclusions)}"
        reason += "".join(f"; {number} {why}" for why, number in counts.most_common())
    else:
        reason = f"{wanted}, it has no {'other ' if taken else ''}such device"
    return Shortage(PCI_RULE, reason, request.count - free, tuple(counts.items()))


def _exclusions(host: HostState, shape: Shape, request: PciRequest, taken: int) -> list[Exclusion]:
    places = [place for place in shape.hardware.matching(request.alias) if not taken >> place & 1]
    return [found for place in places if (found := _exclusion(host, shape.hardware, place, taken)) is not None]


def _numa_reason(shape: Shape, wish: Wish) -> str:
    policies = ", ".join(dict.fromkeys(str(request.numa_policy) for request in wish.pci))
    threads, mixed = next((cell.threads for cell in wish.cells), None), any(cell.shared for cell in wish.cells)
    unit = "vCPUs" if threads is None else "dedicated CPUs"
    sizes = " and ".join(f"{_cpus_words(cell, unit)}, {cell.ram_mb} MB" for cell in wish.cells)
    reason = f"a guest of {len(wish.cells)} NUMA {'cell' if len(wish.cells) == 1 else 'cells'} ({sizes}) wanted"
    reason += f" with its devices near (policy {policies})" if wish.pci else ""
    if threads is not None:
        reason += f"; threads of a core: {threads}" if threads is not ThreadPolicy.PREFER else ""
        if not any(cell.cores for cell in shape.cells):
            return reason + "; the host keeps no CPUs for dedicated servers (cpu_dedicated_set)"
    free = "; ".join(f"cell {c.id}: {_free_cpus(c, threads, mixed)}, {c.free_ram_mb} MB free" for c in shape.cells)
    return reason + (f"; {free}" if free else "")


def _cpus_words(cell: GuestCell, unit: str) -> str:
    if cell.threads is None:
        return f"{cell.vcpus} {unit}"
    shared = f" and {len(cell.shared)} vCPUs on shared ones" if cell.shared else ""
    return f"{cell.own_cpus} {unit}{' with that of the emulator' if cell.emulator else ''}{shared}"


def _free_cpus(cell: NumaCell, threads: ThreadPolicy | None, mixed: bool) -> str:
    if threads is None:
        return f"{cell.free_vcpus} vCPUs"
    whole = sum(cell.held.isdisjoint(core) for core in cell.cores)
    free = sum(cpu not in cell.held for core in cell.cores for cpu in core)
    return (
        f"{free} dedicated CPUs ({whole} whole cores), {cell.free_vcpus} vCPUs"
        if mixed
        else f"{free} dedicated CPUs ({whole} whole cores)"
    )


def _exclusion(host: HostState, hardware: Hardware, place: int, taken: int) -> Exclusion | None:
    state, ties = host.devices[place], hardware.ties[place]
    address = state.device.address
    own = _own_exclusion(state)
    if own is not None:
        return own
    members = (place, *ties.companions)
    relatives = [host.devices[n] for member in members for n in hardware.ties[member].relatives]
    owned = [relative for relative in relatives if relative.claimed_by is not None]
    if owned:
        return Exclusion("a PF, VF or group member of it belongs to a server", f"{address}: {owned[0].device.address}")
    if ties.foreign:
        others = [host.devices[other].device for other in ties.foreign]
        names = ", ".join(f"{other.address} ({other.description})" for other in others)
        return Exclusion(FOREIGN_GROUP, f"{address}: group {state.device.iommu_group} also holds {names}")
    for companion in (host.devices[n] for n in ties.companions):
        if companion.claimed_by is not None or companion.quarantined:
            return Exclusion("another function of its card is not free", f"{address}: {companion.device.address}")
    if taken & bits(n for member in members for n in (member, *hardware.ties[member].relatives)):
        return Exclusion("is needed for another device of this server", str(address))
    return None


def _own_exclusion(state: DeviceState) -> Exclusion | None:
    address = str(state.device.address)
    if not state.present:
        return Exclusion("has vanished from its host", address)
    if state.cut:
        return Exclusion(RENDERS if state.cut == VIRGL else CUT, f"{address}: {state.cut}")
    if not state.offered:
        return Exclusion(NOT_OFFERED, address)
    if state.claimed_by == TOGETHER:
        return Exclusion(PROMISED, f"{address}: for another of these servers")
    if state.claimed_by is not None:
        return Exclusion(OWNED, f"{address}: {state.claimed_by}")
    if state.quarantined is not None:
        return Exclusion(QUARANTINED, f"{address}: {state.quarantined}")
    if state.device.iommu_group is None:
        return Exclusion(NO_GROUP, address)
    return None
