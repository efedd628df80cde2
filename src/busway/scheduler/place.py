"""`place`: one server against one snapshot; `place_all`: several together or none of them.

Filters first (each has Nova's name and excludes a host with a reason), then ranks: a server with devices goes where
they lie nearest to each other, then where the smallest sets of free devices are broken, which fills started hosts and
keeps whole ones for who needs them; one without devices goes where there are the fewest devices at all (Nova's
PCIWeigher stacks the same way). Then the fullest host by RAM; then by name, so that equal snapshots give equal
answers.

Each step looks at one host of a class of equal hosts (`busway.scheduler.index`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from busway.domain.ids import GroupId, ServerId
from busway.domain.placement import (
    TOGETHER,
    ClaimedDevice,
    HostState,
    Placement,
    PlacementRequest,
    Refusal,
    ServerGroup,
    Snapshot,
)
from busway.domain.placement_change import AskFewerServers, Remedy
from busway.domain.units import FabricPartition, WholeFunction
from busway.scheduler.allocate import Allocation
from busway.scheduler.blocks import HostList
from busway.scheduler.change import apply_changes
from busway.scheduler.dedicated import cpus_of
from busway.scheduler.index import index_of
from busway.scheduler.mediated import after as offers_after
from busway.scheduler.mediated import choose
from busway.scheduler.numa import cells_after
from busway.scheduler.policy import DEFAULT_POLICY, Policy
from busway.scheduler.refusal import gaps, grouped, nearest
from busway.scheduler.remedy import find_remedies
from busway.scheduler.search import find


def place(snapshot: Snapshot, request: PlacementRequest, policy: Policy = DEFAULT_POLICY) -> Placement | Refusal:
    """Chooses the host and the exact devices for a server, or returns the reasons why no host fits."""
    return _placement(snapshot, request, policy) or _refusal(snapshot, request, policy)


def place_all(
    snapshot: Snapshot, requests: Sequence[PlacementRequest], policy: Policy = DEFAULT_POLICY
) -> tuple[Placement, ...] | Refusal:
    """Chooses hosts and devices for several servers, all or none; otherwise returns the refusal of the first that does not fit."""
    answer = place_and_go_on(snapshot, requests, policy)
    return answer if isinstance(answer, Refusal) else answer[0]


def place_and_go_on(
    snapshot: Snapshot, requests: Sequence[PlacementRequest], policy: Policy = DEFAULT_POLICY
) -> tuple[tuple[Placement, ...], Snapshot] | Refusal:
    """Chooses as `place_all` does; returns the snapshot after all of them too, for the next servers of the same round."""
    found, now, failed = _in_turn(snapshot, requests, policy)
    if failed is None:
        if len(requests) == 1:
            return tuple(found), now
        for request, placement in zip(
            requests, found, strict=True
        ):  # as what they are, not as those asked for together
            snapshot = after(snapshot, request, placement)
        return tuple(found), snapshot
    refusal = _refusal(now, failed, policy)
    return _together(snapshot, requests, policy, refusal, len(found)) if len(requests) > 1 else refusal


def _in_turn(
    snapshot: Snapshot, requests: Sequence[PlacementRequest], policy: Policy
) -> tuple[list[Placement], Snapshot, PlacementRequest | None]:
    """Places one after the other, each in the groups that those before it have joined, until one finds no place."""
    found: list[Placement] = []
    joined: dict[GroupId, ServerGroup] = {}
    for wanted in requests:
        request = wanted
        if wanted.group is not None:
            request = replace(wanted, group=joined.get(wanted.group.id, wanted.group))
        answer = _placement(snapshot, request, policy)
        if answer is None:
            return found, snapshot, request
        found.append(answer)
        if request.group is not None:
            host = snapshot.hosts[index_of(snapshot).place_of(answer.host_id)]
            joined[request.group.id] = request.group.having(host.name)
        others = replace(request, server_id=TOGETHER) if len(requests) > 1 else request
        snapshot = after(snapshot, others, answer)
    return found, snapshot, None


def after(snapshot: Snapshot, request: PlacementRequest, placement: Placement) -> Snapshot:
    """The snapshot after a placement, for the next server of the same round."""
    index = index_of(snapshot)
    number = index.place_of(placement.host_id)
    old = snapshot.hosts[number]
    new = _host_after(old, request, placement)
    made = Snapshot(HostList.of(snapshot.hosts).having(number, new))
    made.derived["index"] = index.after(old, new)
    return made


def _placement(snapshot: Snapshot, request: PlacementRequest, policy: Policy) -> Placement | None:
    found = find(snapshot, request, policy)
    if found is None:
        return None
    host, allocation = found
    cells = allocation.cells if host.cells else ()
    return Placement(
        request.server_id,
        host.id,
        host.generation,
        host.revision,
        (*_claimed(host, request, allocation), *_partition(host, request, allocation), *choose(host, request, cells)),
        allocation.fit,
        cells,
        cpus_of(host.cells, request.cells, cells),
    )


def _claimed(host: HostState, request: PlacementRequest, allocation: Allocation) -> tuple[ClaimedDevice, ...]:
    """The devices of a choice; a card is named by the device that is function 0 of its slot, where that is chosen too."""
    chosen = [(host.devices[place], alias) for place, alias in allocation.places]
    kinds = {each.alias.name: each.kind for each in request.pci}
    if len(chosen) == 1:
        return tuple(ClaimedDevice(state.id, alias, state.id, _kind(kinds, alias)) for state, alias in chosen)
    slots = [state.device.address.numbers for state, _ in chosen]
    heads = {slot[:3]: state.id for (state, _), slot in zip(chosen, slots, strict=True) if slot[3] == 0}
    return tuple(
        ClaimedDevice(state.id, alias, heads.get(slot[:3], state.id), _kind(kinds, alias))
        for (state, alias), slot in zip(chosen, slots, strict=True)
    )


def _kind(kinds: Mapping[str, str], alias: str | None) -> str:
    """The kind of the claim on a device of an alias; a companion is claimed as a function."""
    return WholeFunction.kind if alias is None else kinds.get(alias, WholeFunction.kind)


def _partition(host: HostState, request: PlacementRequest, allocation: Allocation) -> tuple[ClaimedDevice, ...]:
    """The partition that joins the GPUs of a request with a link; claimed beside them, and before others can have it."""
    linked = next((each.alias for each in request.pci if each.alias.link is not None), None)
    if linked is None or host.fabric is None:
        return ()
    chosen = [host.devices[place].partitions for place, alias in allocation.places if alias == linked.name]
    common = set.intersection(*map(set, chosen))
    sizes = {number: sum(number in state.partitions for state in host.devices) for number in common}
    number = min(number for number, size in sizes.items() if size == len(chosen))
    unit = FabricPartition(number).name
    return (ClaimedDevice(host.fabric, None, "", FabricPartition.kind, unit),)


def _refusal(snapshot: Snapshot, request: PlacementRequest, policy: Policy) -> Refusal:
    """The refusal of a request; kept with the index, for a hundred equal servers are refused for one reason."""
    index = index_of(snapshot)
    key = (replace(request, server_id=ServerId("")), policy)
    known = index.refusals.get(key)
    if not isinstance(known, Refusal):
        found = gaps(snapshot, request, policy)
        remedies = find_remedies(request, policy, found)
        classes = grouped(found, index.wish(request))
        known = Refusal(request.server_id, request, classes, index.device_count, nearest(found), remedies)
        index.refusals[key] = known
    return replace(known, server_id=request.server_id, request=request)


def _together(
    snapshot: Snapshot, requests: Sequence[PlacementRequest], policy: Policy, refusal: Refusal, fitting: int
) -> Refusal:
    """The refusal of several servers: a remedy is suggested only if it admits all of them."""
    helpful = [Remedy((AskFewerServers(fitting),))] if fitting else []
    for remedy in refusal.remedies:
        changed = [apply_changes(remedy.changes, snapshot, request) for request in requests]
        if _in_turn(changed[0][0], [request for _, request in changed], policy)[2] is None:
            helpful.append(remedy)
    return replace(refusal, remedies=tuple(helpful), fitting=fitting, together=len(requests))


def _host_after(host: HostState, request: PlacementRequest, placement: Placement) -> HostState:
    ids = {device.device_id for device in placement.devices}
    mdevs, cards = offers_after(host, placement.devices)
    return replace(
        host,
        generation=host.generation + 1,
        free_vcpus=host.free_vcpus - request.shared_vcpus,
        free_ram_mb=host.free_ram_mb - request.ram_mb,
        free_disk_gb=host.free_disk_gb - request.disk_gb,
        free_servers=host.free_servers - 1,
        devices=tuple(replace(d, claimed_by=request.server_id) if d.id in ids else d for d in host.devices),
        cells=cells_after(host.cells, request.cells, placement.cells),
        mdevs=mdevs,
        cards=cards,
    )
