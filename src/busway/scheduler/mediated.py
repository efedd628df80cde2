"""Which parents give a server its mediated devices, and why a host has none that can.

Groups are served by the parents that have the least left and still enough: whole cards stay free for who needs them. All
assignments are tried before a host is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from busway.domain.ids import DeviceId
from busway.domain.mdev import MdevOffer
from busway.domain.placement import ClaimedDevice, HostState, PlacementRequest
from busway.domain.resource_request import GroupRule, ResourceRequest, ResourceRequests
from busway.domain.units.mdev import Mdev, read_unit, unit_text

_Assignment = tuple[tuple[ResourceRequest, MdevOffer], ...]
_State = tuple[int, tuple[tuple[str, int, bool], ...]]


def resource_providers(host: HostState, request: PlacementRequest) -> str | None:
    """Parents of mediated devices on the host can serve all that the flavor asks for by resource class."""
    if not request.resources.groups or assign(host.mdevs, request.resources) is not None:
        return None
    wanted = " and ".join(map(str, request.resources.groups))
    apart = ", each group from a device of its own," if request.resources.rule is GroupRule.ISOLATE else ""
    told = "; ".join(_story(host.mdevs, name) for name in _classes(request.resources))
    return f"{wanted} wanted{apart} and it can't give that: {told}"


def choose(host: HostState, request: PlacementRequest) -> tuple[ClaimedDevice, ...]:
    """The slots of a host that passed the filter; each is a card of its own in the guest."""
    assigned = assign(host.mdevs, request.resources) or ()
    found: list[ClaimedDevice] = []
    left = {offer.device_id: offer for offer in host.mdevs}
    for group, offer in assigned:
        slots = left[offer.device_id].slots(group.count)
        left[offer.device_id] = replace(offer, taken=left[offer.device_id].taken | {*slots})
        found += [_claimed(offer, slot, group.resource_class) for slot in slots]
    return tuple(found)


def after(offers: tuple[MdevOffer, ...], devices: tuple[ClaimedDevice, ...]) -> tuple[MdevOffer, ...]:
    """What a host offers once these are claimed."""
    taken: dict[DeviceId, set[int]] = {}
    for each in devices:
        if each.kind == Mdev.kind:
            taken.setdefault(each.device_id, set()).add(read_unit(each.unit)[1])
    return tuple(
        replace(offer, taken=offer.taken | taken[offer.device_id]) if offer.device_id in taken else offer
        for offer in offers
    )


def assign(offers: tuple[MdevOffer, ...], wanted: ResourceRequests) -> _Assignment | None:
    """A parent for each group, None when there is no assignment at all; the largest groups are served first."""
    groups = sorted(wanted.groups, key=lambda group: (group.resource_class, -group.count, group.suffix))
    left = {offer.device_id: offer.free for offer in offers}
    by_fullness = sorted(offers, key=lambda offer: (offer.free, offer.parent))
    isolate = wanted.rule is GroupRule.ISOLATE
    found = _assign(groups, tuple(by_fullness), left, frozenset(), isolate=isolate, hopeless=set())
    return tuple(zip(groups, found, strict=True)) if found is not None else None


def _assign(
    groups: list[ResourceRequest],
    offers: tuple[MdevOffer, ...],
    left: Mapping[DeviceId, int],
    used: frozenset[DeviceId],
    *,
    isolate: bool,
    hopeless: set[_State],
) -> tuple[MdevOffer, ...] | None:
    """`hopeless` keeps the states that lead to nothing, in which equal parents are one: each is tried once."""
    if not groups:
        return ()
    state = (
        len(groups),
        tuple(sorted((each.resource_class, left[each.device_id], each.device_id in used) for each in offers)),
    )
    if state in hopeless:
        return None
    group, *rest = groups
    for offer in _different(group, offers, left, used, isolate=isolate):
        key = offer.device_id
        now = {**left, key: left[key] - group.count}
        kept = used | {key} if group.suffix else used
        found = _assign(rest, offers, now, kept, isolate=isolate, hopeless=hopeless)
        if found is not None:
            return (offer, *found)
    hopeless.add(state)
    return None


def _different(
    group: ResourceRequest,
    offers: tuple[MdevOffer, ...],
    left: Mapping[DeviceId, int],
    used: frozenset[DeviceId],
    *,
    isolate: bool,
) -> Iterator[MdevOffer]:
    """The parents that can serve a group, of equal ones the first: the others would lead to nothing else."""
    seen = set()
    for offer in sorted(offers, key=lambda offer: (left[offer.device_id], offer.parent)):
        key = offer.device_id
        barred = isolate and bool(group.suffix) and key in used
        alike = (left[key], key in used)
        serves = offer.resource_class == group.resource_class and left[key] >= group.count and not barred
        if serves and alike not in seen:
            seen.add(alike)
            yield offer


def _claimed(offer: MdevOffer, slot: int, resource_class: str) -> ClaimedDevice:
    unit = unit_text(offer.type_id, slot)
    return ClaimedDevice(offer.device_id, resource_class, f"{offer.device_id} {unit}", Mdev.kind, unit)


def _classes(wanted: ResourceRequests) -> list[str]:
    return sorted({group.resource_class for group in wanted.groups})


def _story(offers: tuple[MdevOffer, ...], resource_class: str) -> str:
    """What of a class a host has, parent by parent."""
    mine = [offer for offer in offers if offer.resource_class == resource_class]
    if not mine:
        return f"no device of it offers {resource_class}"
    return ", ".join(_state(offer) for offer in sorted(mine, key=lambda offer: offer.parent))


def _state(offer: MdevOffer) -> str:
    words = offer.blocked or f"{offer.free} of {offer.total} free"
    return f"{offer.parent} ({offer.type_id}): {words}"
