"""The scheduler's rules said plainly, host by host and device by device, without index or bits: what it is held against."""

from collections.abc import Iterable, Iterator
from itertools import combinations

from busway.domain.alias import Alias, PciRequest
from busway.domain.device import DeviceKind
from busway.domain.placement import DeviceState, HostState, Placement, PlacementRequest, Snapshot
from busway.domain.within import Within
from busway.scheduler.place import place
from busway.scheduler.policy import Policy
from busway.scheduler.search import rank


def plain_place(snapshot: Snapshot, request: PlacementRequest, policy: Policy) -> Placement | None:
    """Each host on its own, then the best of those that fit."""
    fitting = []
    for host in snapshot.hosts:
        answer = place(Snapshot((host,)), request, policy)
        if isinstance(answer, Placement):
            ram = host.free_ram_mb * ((policy.ram_weight < 0) - (policy.ram_weight > 0))
            fitting.append((_wanted(host, request), rank(answer.fit, policy), ram, host.name, answer))
    return min(fitting, key=lambda each: each[:4])[4] if fitting else None


def _wanted(host: HostState, request: PlacementRequest) -> int:
    """How much a soft group wants a host, the least first."""
    if request.group is None or not request.group.policy.is_soft:
        return 0
    return request.group.members.count(host.name) * (-1 if request.group.policy.is_together else 1)


def can_be_served(host: HostState, pci: tuple[PciRequest, ...]) -> bool:
    """Whether any choice of devices at all serves all requests."""
    within = pci[0].within if pci else None
    return any(within is None or are_together(host, within, chosen) for chosen in _choices(host, pci, frozenset()))


def are_together(host: HostState, within: Within, chosen: Iterable[str]) -> bool:
    """Whether devices lie in one part of their host; companions are where their device is."""
    devices = [state.device for state in host.devices if state.id in chosen]
    if len({each.address.numbers[:3] for each in devices}) < 2:
        return True
    if within is Within.SWITCH:
        parts = {each.switch for each in devices}
        return None not in parts and len(parts) == 1
    sockets = {cell.id: cell.socket for cell in host.cells}
    if None in {each.numa_node for each in devices}:
        return len(sockets) < 2 and len({each.numa_node for each in devices}) == 1
    by_socket = within is Within.SOCKET and None not in sockets.values() and sockets
    return len({sockets.get(each.numa_node or 0) if by_socket else each.numa_node for each in devices}) == 1


def _choices(host: HostState, pci: tuple[PciRequest, ...], taken: frozenset[str]) -> Iterator[frozenset[str]]:
    if not pci:
        yield taken
        return
    request, rest = pci[0], pci[1:]
    usable = [state for state in host.devices if is_free(host, state, request.alias)]
    for chosen in combinations(usable, request.count):
        now = set(taken)
        for state in chosen:
            lot = {state.id, *(other.id for other in companions(host, state))}
            if lot & now or any(other.id in now for other in _relatives_of_lot(host, state)):
                break
            now |= lot
        else:
            yield from _choices(host, rest, frozenset(now))


def is_free(host: HostState, state: DeviceState, alias: Alias) -> bool:
    """Whether a device could be given now, alone."""
    if not alias.matches(state.device, state.tags) or not state.present or not state.offered:
        return False
    if state.device.iommu_group is None:
        return False
    members = [state, *companions(host, state)]
    if any(member.claimed_by is not None or member.quarantined for member in members):
        return False
    if any(other.claimed_by is not None for other in _relatives_of_lot(host, state)):
        return False
    slot = state.device.address.slot_name
    kinds = DeviceKind.VF, state.device.kind
    return all(
        other.device.address.slot_name == slot and other.device.kind is not kinds[0] and kinds[1] is not kinds[0]
        for other in companions(host, state)
    )


def companions(host: HostState, state: DeviceState) -> list[DeviceState]:
    """All other devices of its group but bridges."""
    return [other for other in _group(host, state) if other.present]


def _group(host: HostState, state: DeviceState) -> list[DeviceState]:
    group = state.device.iommu_group
    members = [other for other in host.devices if group is not None and other.device.iommu_group == group]
    return [other for other in members if other.id != state.id and not other.device.is_bridge]


def _relatives_of_lot(host: HostState, state: DeviceState) -> list[DeviceState]:
    found = []
    for member in (state, *companions(host, state)):
        for other in host.devices:
            is_child = other.device.parent == member.device.address and member.device.kind is DeviceKind.PF
            is_parent = member.device.kind is not DeviceKind.PF and other.device.address == member.device.parent
            has_vanished = other in _group(host, member) and not other.present
            if is_child or is_parent or has_vanished:
                found.append(other)
    return found
