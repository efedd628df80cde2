"""Use cases of a server's user: one more device of an alias, or one less, while the server runs or is off.

What was attached is part of the server's own flavor from then on: it counts in its project's quota, and a server that is moved gets
an equal device where it goes. The device is chosen by the scheduler, on the server's host alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from busway.control import quotas
from busway.control.context import Control
from busway.control.placement.snapshot import take_snapshot
from busway.control.placement.turn import new_claims, write_claims
from busway.control.servers.access import change_on_host, placed_server, require_guest_act, server_row
from busway.control.servers.interfaces import keep_places, next_root_port
from busway.control.servers.leave import release
from busway.domain.alias import parse_alias_counts, parse_requests
from busway.domain.caller import Caller
from busway.domain.claim import ClaimState
from busway.domain.errors import BadInput, Conflict, NotFound, Raced
from busway.domain.flavor import Flavor
from busway.domain.host_facts import GuestAct
from busway.domain.ids import ClaimId
from busway.domain.placement import ClaimedDevice, PlacementRequest, Refusal, Snapshot
from busway.domain.quota import usage_of
from busway.domain.server import ServerStatus
from busway.domain.units import WholeFunction
from busway.scheduler.explain import details, explain
from busway.scheduler.place import place
from busway.store import cells, claims, hosts, ports, providers
from busway.store.claims import Claim
from busway.store.database import Tx, take_turn
from busway.store.servers import ServerRow

ATTACH, DETACH = "attachDevice", "detachDevice"
ALIAS = "pci_passthrough:alias"
_STATES = {ServerStatus.ACTIVE, ServerStatus.SHUTOFF}


@dataclass(frozen=True, slots=True)
class ServerDevice:
    """A device that a server has: its claim, by which alias it came (None beside a card), and the claim's state."""

    id: ClaimId
    alias: str | None
    kind: str
    state: str


def list_devices(control: Control, caller: Caller, server_id: str) -> list[ServerDevice]:
    """What a server has claims on, those that its host has not let go yet included."""
    with control.db.read() as tx:
        row = server_row(tx, caller, server_id)
        return [_view(claim) for claim in claims.list_live_claims(tx, server_id=row.id)]


def attach_device(control: Control, caller: Caller, server_id: str, alias: str, request_id: str) -> ServerDevice:
    """Claims one more device for a server; raises `BadInput` that says why its host has none for it."""
    with control.db.write() as tx:
        take_turn(tx, "place")
        row = placed_server(tx, caller, server_id, ATTACH, _STATES)
        require_guest_act(tx, row, ATTACH, GuestAct.PLUG)
        _refuse_cells(tx, row)
        flavor = with_alias(row.flavor, alias, 1)
        quotas.check(control, tx, row.project_id, usage_of([flavor]) - usage_of([row.flavor]), user_id=row.user_id)
        device = _place(control, tx, row, alias)
        held = ports.server_ports(tx, [row.id]).get(row.id, [])
        place_of = {device.card or device.device_id: next_root_port(control, tx, row, held)}
        assert row.host_id is not None
        [made] = new_claims(control, row.id, row.host_id, [device], control.now(), place_of)
        write_claims(tx, [made])
        change_on_host(control, tx, caller, row, ATTACH, request_id, flavor=flavor)
    control.bell.ring(f"host:{row.host_id}")
    return _view(made)


def detach_device(control: Control, caller: Caller, server_id: str, device_id: str, request_id: str) -> None:
    """Asks for a server's guest to let go of a device; it is free once its host has it back."""
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, DETACH, _STATES)
        require_guest_act(tx, row, DETACH, GuestAct.PLUG)
        live = [claim for claim in claims.list_live_claims(tx, server_id=row.id) if claim.host_id == row.host_id]
        claim = next((each for each in live if each.id == device_id), None)
        if claim is None or claim.state is ClaimState.RELEASING:
            raise NotFound(
                f"Server {row.id} has no device {device_id}",
                remedy="List its devices: busway server devices.",
                code="server-device-not-found",
            )
        _refuse_parts(tx, row, claim, live)
        keep_places(control, tx, row, ports.server_ports(tx, [row.id]).get(row.id, []))
        flavor = with_alias(row.flavor, str(claim.alias), -1)
        change_on_host(control, tx, caller, row, DETACH, request_id, flavor=flavor)
        assert row.host_id is not None
        generation = hosts.marks_of(tx, [row.host_id])[row.host_id].generation
        release(tx, [claim], generation, control.now(), f"detached by {caller.user_name}")
    control.bell.ring(f"host:{row.host_id}")


def with_alias(flavor: Flavor, alias: str, more: int) -> Flavor:
    """A server's own flavor with more or fewer devices of an alias."""
    counts: dict[str, int] = {}
    for name, count in parse_alias_counts(flavor.extra_specs.get(ALIAS, "")) if ALIAS in flavor.extra_specs else ():
        counts[name] = counts.get(name, 0) + count
    counts[alias] = counts.get(alias, 0) + more
    words = ",".join(f"{name}:{count}" for name, count in counts.items() if count > 0)
    others = {key: value for key, value in flavor.extra_specs.items() if key != ALIAS}
    return replace(flavor, extra_specs={**others, ALIAS: words} if words else others)


def _view(claim: Claim) -> ServerDevice:
    return ServerDevice(claim.id, claim.alias, claim.kind, str(claim.state))


def _place(control: Control, tx: Tx, row: ServerRow, alias: str) -> ClaimedDevice:
    """The scheduler's own choice among what the server's host has, for nothing but the device."""
    wanted = parse_requests({ALIAS: f"{alias}:1"}, control.pci_rules(tx).aliases, {})
    here = [host for host in take_snapshot(control, tx).hosts if host.id == row.host_id]
    roomy = tuple(replace(host, free_servers=max(1, host.free_servers)) for host in here)
    request = PlacementRequest(row.id, 0, 0, 0, wanted)
    found = place(Snapshot(roomy), request, control.settings.policy)
    if isinstance(found, Refusal):
        why = explain(found)
        detail = f"Only the server's own host counts. {why.detail} {details(found)}".strip()
        raise BadInput(why.brief, detail=detail, remedy=why.remedy, code=why.code)
    if len(found.devices) != 1 or found.devices[0].kind != WholeFunction.kind:
        raise Conflict(
            f"A device of alias {alias} has several parts, which are not plugged in one by one",
            detail="Other functions of its slot or its IOMMU group go with it, or its link does.",
            remedy="Resize the server to a flavor that asks for it.",
            code="device-parts",
        )
    if not hosts.swap_generation(tx, found.host_id, found.generation, found.revision):
        raise Raced("The host changed while a device was being chosen", remedy="Try again.")
    return found.devices[0]


def _refuse_cells(tx: Tx, row: ServerRow) -> None:
    if row.host_id is not None and cells.find_cells(tx, row.id, row.host_id):
        raise Conflict(
            f"Server {row.id} has NUMA cells, which were laid out for the devices that it had then",
            remedy="Resize the server to a flavor that asks for the device.",
            code="device-cells",
        )


def _refuse_parts(tx: Tx, row: ServerRow, claim: Claim, live: list[Claim]) -> None:
    """Raises `Conflict` for a device that came with others: they are a card, a group or a partition together."""
    group = _group(tx, claim)
    mates = [
        each
        for each in live
        if each.id != claim.id and (each.port == claim.port or (group is not None and _group(tx, each) == group))
    ]
    if claim.kind != WholeFunction.kind or claim.alias is None or mates:
        raise Conflict(
            f"Device {claim.id} of server {row.id} can't be detached alone",
            detail="It is a part of a card, an IOMMU group, a partition or a shared card.",
            remedy="Resize the server to a flavor without it.",
            code="device-parts",
        )


def _group(tx: Tx, claim: Claim) -> int | None:
    device = providers.get_provider(tx, claim.device_id).device
    return device.iommu_group if device is not None and claim.kind == WholeFunction.kind else None
