"""Where a server that is moved, resized, evacuated or unshelved must go: decided at once, in the request's own turn.

The request to the scheduler is derived again from the new flavor and the image, including NUMA policies. A refusal is
the request's answer, with its reasons; nothing has changed then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from busway.control.context import Control
from busway.control.drivers.check import check_driver
from busway.control.groups import placement_group
from busway.control.hosts.down import is_too_early, not_heard
from busway.control.moves.left_out import Unfit, too_old, with_left_out
from busway.control.placement.neighbours import with_neighbours
from busway.control.placement.request import placement_request, server_words
from busway.control.placement.snapshot import take_snapshot
from busway.control.placement.turn import lay_cells, new_claims, write_claims
from busway.domain.claim import ClaimState
from busway.domain.errors import BadInput, Conflict, Raced
from busway.domain.flavor import Flavor
from busway.domain.host_facts import GuestAct
from busway.domain.ids import ClaimId, DeviceId, HostId, ServerId
from busway.domain.placement import DeviceState, HostState, Placement, PlacementRequest, Refusal, Snapshot
from busway.scheduler.explain import details, explain
from busway.scheduler.place import place
from busway.store import cells, claims, departures, hosts, ports
from busway.store.database import Tx
from busway.store.hosts import HostRow
from busway.store.servers import ServerRow

_SOMEBODY = ServerId("somebody else")


def place_now(
    control: Control,
    tx: Tx,
    row: ServerRow,
    flavor: Flavor,
    *,
    host: str | None = None,
    without: HostId | None = None,
    in_place: bool = False,
    unfit: Unfit = MappingProxyType({}),
    equal: frozenset[tuple[str, str]] | None = None,
) -> Placement:
    """Chooses a host and devices; raises `BadInput` that says why there are none.

    `without` leaves a host out, as one is that the server has left and that has not let it go yet. With `in_place`
    the server's own host comes first, where what the server has now counts as free: with its own devices if they are
    enough, with others beside them if not; a PF never takes the place of its own VFs, nor they that of it. A guest
    that has NUMA cells, or must have some, goes elsewhere: for a while it lies on its old cells and on its new ones,
    and a host keeps one set for each server. `unfit` are hosts that can't take it, with their reasons;
    with `equal`, only devices of these vendors and products count.
    """
    leaving = {departure.host_id for departure in departures.list_departures(tx, server_id=row.id)}
    request = _request(control, tx, row, flavor, host)
    snapshot = take_snapshot(control, tx)
    found: Placement | Refusal | None = None
    if in_place and not request.cells and not _has_cells(tx, row):
        found = _in_place(control, snapshot, request, row, _going(tx, row))
    if not isinstance(found, Placement):
        out = {row.host_id if in_place else without, *leaving, *unfit}
        left = tuple(_with_equal(each, equal) for each in snapshot.hosts if each.id not in out)
        elsewhere = place(Snapshot(left), request, control.settings.policy)
        found = found if isinstance(found, Refusal) and not left else elsewhere
    if isinstance(found, Refusal):
        if leaving:
            raise _still_leaving(row)
        if is_too_early(control, snapshot.hosts):
            raise not_heard(control, "No host that has reported fits, and others may be up")
        others = {host_id: why for host_id, why in unfit.items() if host_id != row.host_id}
        found = with_left_out(found, snapshot, others)
        why = explain(found)
        raise BadInput(why.brief, detail=f"{why.detail} {details(found)}".strip(), remedy=why.remedy, code=why.code)
    return found


def _with_equal(host: HostState, equal: frozenset[tuple[str, str]] | None) -> HostState:
    if equal is None:
        return host
    return replace(host, devices=tuple(_offered_if(_ids(each) in equal, each) for each in host.devices))


def _offered_if(equal: bool, state: DeviceState) -> DeviceState:
    """Another device is no choice, and still counts as what it is to others: a member of their IOMMU group, a PF or a VF."""
    return state if equal else replace(state, offered=False)


def _ids(state: DeviceState) -> tuple[str, str]:
    return state.device.vendor_id, state.device.product_id


def without_ephemeral(tx: Tx, row: ServerRow) -> Unfit:
    """The hosts to which a server's ephemeral disk can't go, all of them if its own host can't send it; none without such a disk."""
    if not row.has_ephemeral:
        return {}
    known = hosts.list_hosts(tx)
    old = {each.id: too_old(each, "take an ephemeral disk") for each in known if not _moves_ephemeral(each)}
    own = next((each for each in known if each.id == row.host_id and each.id in old), None)
    if own is None:
        return old
    why = too_old(own, "send the server's ephemeral disk", f"the agent of {own.name}, where it is,")
    return {each.id: why for each in known}


def _moves_ephemeral(host: HostRow) -> bool:
    return host.resources is not None and GuestAct.EPHEMERAL in host.resources.acts


def _still_leaving(row: ServerRow) -> Conflict:
    return Conflict(
        f"Server {row.id} is still being removed from its previous host, and no other host can take it",
        detail="That host has not yet reported that nothing of the server is left.",
        remedy="Try again later.",
        code="server-leaving",
    )


def claim_placement(
    control: Control,
    tx: Tx,
    row: ServerRow,
    flavor: Flavor,
    placement: Placement,
    places: Mapping[str, int] = MappingProxyType({}),
) -> tuple[ClaimId, ...]:
    """Commits a placement: the host's generation by compare-and-swap, and claims; returns the ids of all its claims.

    A device that the server has already is kept with its claim. `places` are root ports of the guest that new cards must have.
    """
    if not hosts.swap_generation(tx, placement.host_id, placement.generation, placement.revision):
        raise Raced("The host changed while a server was being placed", remedy="Try again.")
    own_claims = claims.list_live_claims(tx, server_id=row.id)
    live = [claim for claim in own_claims if claim.state is not ClaimState.RELEASING]
    kept = {(claim.device_id, claim.unit): claim.id for claim in live}
    wanted = {(device.device_id, device.unit) for device in placement.devices}
    new = [device for device in placement.devices if (device.device_id, device.unit) not in kept]
    lay_cells(tx, _request(control, tx, row, flavor, None), placement)
    here = [claim for claim in own_claims if claim.host_id == placement.host_id and claim.port]
    taken = {(claim.device_id, claim.unit): claim.port for claim in here if claim.port}
    cards = {each.card: port for each in placement.devices if (port := taken.get((each.device_id, each.unit)))}
    made = new_claims(control, row.id, placement.host_id, new, control.now(), {**cards, **places}, taken.values())
    write_claims(tx, made)
    return (*(claim_id for held, claim_id in kept.items() if held in wanted), *(claim.id for claim in made))


def _request(control: Control, tx: Tx, row: ServerRow, flavor: Flavor, host: str | None) -> PlacementRequest:
    properties, group = server_words(tx, row), placement_group(tx, row.id)
    check_driver(control, tx, flavor, properties)
    nics = ports.nic_wishes(tx, [row.id]).get(row.id, ())
    zone = row.availability_zone or None
    request = placement_request(control, tx, row.id, row.project_id, flavor, properties, host, zone, group, nics)
    return with_neighbours(tx, row, request)


def _has_cells(tx: Tx, row: ServerRow) -> bool:
    return row.host_id is not None and bool(cells.find_cells(tx, row.id, row.host_id))


def _going(tx: Tx, row: ServerRow) -> frozenset[DeviceId]:
    """The devices that a server gives back and that its hosts have not released yet: nobody can have them now."""
    live = claims.list_live_claims(tx, server_id=row.id)
    return frozenset(claim.device_id for claim in live if claim.state is ClaimState.RELEASING)


def _in_place(
    control: Control, snapshot: Snapshot, request: PlacementRequest, row: ServerRow, going: frozenset[DeviceId]
) -> Placement | Refusal | None:
    here = next((each for each in snapshot.hosts if each.id == row.host_id), None)
    if here is None:
        return None
    here = replace(here, devices=tuple(replace(d, claimed_by=_SOMEBODY) if d.id in going else d for d in here.devices))
    vacated = _vacated(here, row)
    tries: Sequence[HostState] = (_only_own(here, vacated, row), vacated, replace(vacated, devices=here.devices))
    found: Placement | Refusal | None = None
    for host in tries:
        found = place(Snapshot((host,)), request, control.settings.policy)
        if isinstance(found, Placement) and not _ends_own(here, found, row):
            break
    return found


def _ends_own(host: HostState, found: Placement, row: ServerRow) -> bool:
    """True if a new device is the PF or a VF of one that the server has and keeps until the resize is confirmed.

    A PF that is given to a server loses its VFs, so the server could not go back to them.
    """
    chosen = {each.device_id for each in found.devices}
    own = [each.device for each in host.devices if each.claimed_by == row.id and each.id not in chosen]
    new = [each.device for each in host.devices if each.claimed_by != row.id and each.id in chosen]
    return any(a.parent == b.address or b.parent == a.address for a in own for b in new)


def _vacated(host: HostState, row: ServerRow) -> HostState:
    """The host as if the server were not on it."""
    return replace(
        host,
        free_vcpus=host.free_vcpus + row.flavor.vcpus,
        free_ram_mb=host.free_ram_mb + row.flavor.ram_mb,
        free_disk_gb=host.free_disk_gb + row.flavor.local_gb,
        free_servers=host.free_servers + 1,
        devices=tuple(replace(d, claimed_by=None) if d.claimed_by == row.id else d for d in host.devices),
    )


def _only_own(host: HostState, vacated: HostState, row: ServerRow) -> HostState:
    """The vacated host, with no free devices but those of the server itself."""
    devices = tuple(
        now if was.claimed_by == row.id else replace(now, claimed_by=now.claimed_by or _SOMEBODY)
        for was, now in zip(host.devices, vacated.devices, strict=True)
    )
    return replace(vacated, devices=devices)
