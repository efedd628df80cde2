"""A resize of a guest that keeps running: it gets more devices on its own host, and nothing else changes.

Both sides of such a move have the same host and the same disks. The target's side begins at once: its host plugs the devices in. The
server waits for its user then, as after any resize; a revert, or a device that can't be plugged in, has the guest let go of them again.
"""

from __future__ import annotations

from dataclasses import replace

from busway.control.context import Control
from busway.control.moves.live_devices import names_of
from busway.control.moves.sides import current_side
from busway.control.moves.target import claim_placement
from busway.control.placement.snapshot import take_snapshot
from busway.control.servers.access import set_status
from busway.control.servers.interfaces import free_root_ports
from busway.domain.alias import parse_alias_counts, parse_requests
from busway.domain.caller import Caller
from busway.domain.claim import ClaimState
from busway.domain.documents import ObservedServer
from busway.domain.flavor import Flavor
from busway.domain.guest_machine import may_resize_hot
from busway.domain.host_facts import GuestAct
from busway.domain.ids import FlavorId
from busway.domain.move import MoveKind, MoveSide, MoveState
from busway.domain.placement import Placement, PlacementRequest, Snapshot
from busway.domain.server import PowerState, ServerStatus, TaskState
from busway.domain.units import WholeFunction
from busway.scheduler.place import place
from busway.store import cells, claims, hosts, moves, ports
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.servers import ServerRow

_ALIAS = "pci_passthrough:alias"
_WORDS = {_ALIAS, "busway:hot_resize", "busway:live_unplug"}  # these change nothing of the machine that runs


def begin_hot(control: Control, tx: Tx, caller: Caller, row: ServerRow, flavor: Flavor) -> bool:
    """Begins a resize for which the guest keeps running; False, and nothing has changed, where it must be shut down."""
    more = _more(row, flavor)
    if not more or not _can(tx, row):
        return False
    placement = _place(control, tx, row, more)
    if placement is None or any(each.kind != WholeFunction.kind for each in placement.devices):
        return False
    free = free_root_ports(control, tx, row, ports.server_ports(tx, [row.id]).get(row.id, []))
    if len(placement.devices) != sum(more.values()) or len(free) < len(placement.devices):
        return False
    places = {each.card or each.device_id: port for each, port in zip(placement.devices, free, strict=False)}
    now = control.now()
    held = _held(tx, row)
    source = current_side(row, None, held)
    claimed = claim_placement(control, tx, row, flavor, placement, places)
    both = (*source.claims, *claimed)
    target = MoveSide(placement.host_id, flavor, source.image_id, source.disks, both, source.ephemeral_image_id)
    uuid, who = control.new_id(), (caller.user_id, caller.project_id)
    kind, begun = MoveKind.RESIZE, MoveState.POST_MIGRATING
    moves.insert_move(tx, uuid, row.id, kind, begun, source, target, True, *who, now)
    values = {"flavor": flavor, "generation": hosts.bump_generation(tx, placement.host_id)}
    reason = f"resize asked for by {caller.user_name}: its guest keeps running, and gets {_in_words(more)}"
    set_status(tx, row, ServerStatus.RESIZE, reason, now, task_state=TaskState.RESIZE_FINISH, **values)
    return True


def awaits_plug(tx: Tx, row: ServerRow, observed: ObservedServer, generation: int) -> bool:
    """True while a guest that is resized as it runs lacks a device, or has one still that a revert takes away."""
    if row.status not in (ServerStatus.RESIZE, ServerStatus.REVERT_RESIZE) or observed.power is not PowerState.RUNNING:
        return False
    move = moves.find_open_move(tx, row.id)
    if move is None or not move.is_hot or observed.attached is None:
        return False
    if generation < row.generation:
        return True
    has = {*observed.attached}
    if move.state is MoveState.POST_MIGRATING:
        return not names_of(tx, [each for each in _held(tx, row) if each.id in move.target.claims]) <= has
    gone = [each for each in claims.list_live_claims(tx, server_id=row.id) if each.id not in move.source.claims]
    left = names_of(tx, gone) & has
    return bool(left - {*observed.ignored})


def _more(row: ServerRow, flavor: Flavor) -> dict[str, int]:
    """How many more devices of each alias a flavor has; nothing where it differs in something else too."""
    if not may_resize_hot(flavor.extra_specs) or _rest(row.flavor) != _rest(flavor):
        return {}
    old, new = _counts(row.flavor), _counts(flavor)
    if any(count > new.get(alias, 0) for alias, count in old.items()):
        return {}
    return {alias: count - old.get(alias, 0) for alias, count in new.items() if count > old.get(alias, 0)}


def _rest(flavor: Flavor) -> Flavor:
    others = {key: value for key, value in flavor.extra_specs.items() if key not in _WORDS}
    return replace(flavor, id=FlavorId(""), name="", is_public=True, description=None, extra_specs=others)


def _counts(flavor: Flavor) -> dict[str, int]:
    counts: dict[str, int] = {}
    for alias, count in parse_alias_counts(flavor.extra_specs[_ALIAS]) if _ALIAS in flavor.extra_specs else ():
        counts[alias] = counts.get(alias, 0) + count
    return counts


def _can(tx: Tx, row: ServerRow) -> bool:
    """A guest that runs unhindered, without NUMA cells, on a host that plugs devices in."""
    if (row.status, row.power, row.hold) != (ServerStatus.ACTIVE, PowerState.RUNNING, None) or row.host_id is None:
        return False
    host = hosts.find_host_by_id(tx, row.host_id)
    plugs = host is not None and host.resources is not None and GuestAct.PLUG in host.resources.acts
    return plugs and not cells.find_cells(tx, row.id, row.host_id)


def _place(control: Control, tx: Tx, row: ServerRow, more: dict[str, int]) -> Placement | None:
    """The scheduler's choice among what the server's host has free, for nothing but the devices."""
    words = ",".join(f"{alias}:{count}" for alias, count in more.items())
    wanted = parse_requests({_ALIAS: words}, control.pci_rules(tx).aliases, {})
    here = [host for host in take_snapshot(control, tx).hosts if host.id == row.host_id]
    roomy = tuple(replace(host, free_servers=max(1, host.free_servers)) for host in here)
    found = place(Snapshot(roomy), PlacementRequest(row.id, 0, 0, 0, wanted), control.settings.policy)
    return found if isinstance(found, Placement) else None


def _held(tx: Tx, row: ServerRow) -> list[Claim]:
    live = claims.list_live_claims(tx, server_id=row.id)
    return [claim for claim in live if claim.state is not ClaimState.RELEASING]


def _in_words(more: dict[str, int]) -> str:
    return " and ".join(f"{count} more of alias {alias}" for alias, count in more.items())
