"""Handles servers that must be on the host: they get the status that their host has reached, or fail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from busway.control.context import Control
from busway.control.moves.hot_resize import awaits_plug
from busway.control.moves.kinds import kind_of
from busway.control.observation.fault import take_fault
from busway.control.observation.leaving import device_event
from busway.control.observation.live import awaits_devices, take_source
from busway.control.servers.access import desire, set_status
from busway.control.servers.leave import drop_shelved_image
from busway.domain.claim import ClaimState
from busway.domain.documents import ObservedServer
from busway.domain.ids import UnitName
from busway.domain.move import MoveState
from busway.domain.server import Hold, PowerState, ServerStatus, TaskState
from busway.domain.units import WholeFunction
from busway.store import claims, events, moves, providers, servers
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.events import Event
from busway.store.servers import ServerRow

# What follows these is decided by more than one report (`advance`); a report has only the guest's power.
_UNDER_WAY = frozenset({TaskState.SHELVING, TaskState.RESIZE_MIGRATING, TaskState.IMAGE_UPLOADING})
# These keep their status until their user acts, whatever the guest does meanwhile. Guests that are put away are off.
_PUT_AWAY = frozenset({ServerStatus.SHELVED, ServerStatus.SHELVED_OFFLOADED, ServerStatus.SOFT_DELETED})
_WAITING = _PUT_AWAY | {ServerStatus.VERIFY_RESIZE}
_WAITING_ON = frozenset({ServerStatus.VERIFY_RESIZE, ServerStatus.RESCUE})

_COMING = frozenset({ServerStatus.BUILD, ServerStatus.REBUILD, ServerStatus.RESIZE})
_BROUGHT_UP = _COMING | _PUT_AWAY | {ServerStatus.REVERT_RESIZE}
_MAY_RUN = _BROUGHT_UP | {ServerStatus.SHUTOFF, ServerStatus.MIGRATING}
_OFF = frozenset({PowerState.SHUTOFF, PowerState.CRASHED})
_ON = frozenset({PowerState.RUNNING, PowerState.PAUSED})
_RAN = frozenset({ServerStatus.ACTIVE, ServerStatus.PAUSED, ServerStatus.SUSPENDED})
# What a server that is switched on has come to, by what holds it and what its host sees; a suspended one's memory is saved.
_REACHED: dict[tuple[Hold | None, PowerState | None], ServerStatus] = {
    (None, PowerState.RUNNING): ServerStatus.ACTIVE,
    (Hold.PAUSED, PowerState.PAUSED): ServerStatus.PAUSED,
    (Hold.SUSPENDED, PowerState.SHUTOFF): ServerStatus.SUSPENDED,
}
_WORDS = {
    ServerStatus.ACTIVE: "runs",
    ServerStatus.PAUSED: "is paused",
    ServerStatus.RESCUE: "runs from the disk that it is rescued from",
    ServerStatus.SUSPENDED: "is off and its memory saved",
}


@dataclass(frozen=True, slots=True)
class ServerReport:
    """The part of a host's report about one server.

    `seen` is what the host observes, `generation` that of the document it acted on, `rebooted` whether the host was
    restarted since its last report, and `claims` the server's live claims on its devices.
    """

    seen: ObservedServer
    generation: int
    rebooted: bool
    claims: tuple[Claim, ...]


def take_present(control: Control, tx: Tx, row: ServerRow, report: ServerReport, now: datetime) -> None:
    """Processes a host's report about a server that must be there."""
    observed = report.seen
    if row.status is ServerStatus.MIGRATING and take_source(tx, row, observed, report.generation, now):
        return
    if row.status is ServerStatus.MIGRATING and awaits_devices(tx, row, observed, now):
        _take_power(tx, row, observed, now)
        return
    if observed.fault is not None and is_awaited(row):
        if report.generation >= row.generation:
            take_fault(tx, row, observed.fault, observed, now)
        return
    if awaits_plug(tx, row, observed, report.generation):
        _take_power(tx, row, observed, now)
        return
    system = row.rescue.number if row.rescue is not None and not row.rescue.over else 0
    done = observed.starts >= row.starts and observed.reboots >= row.reboots and observed.disk == row.disks[-1]
    done = done and observed.rescue == system
    reached = _REACHED.get((row.hold, observed.power)) if row.powered and done else None
    if reached is ServerStatus.ACTIVE and system:
        reached = ServerStatus.RESCUE
    if row.task_state is None and row.status in _WAITING_ON and done and observed.power in _OFF:
        _take_waiting_off(control, tx, row, report, now)
    elif row.task_state in _UNDER_WAY or (row.task_state is None and row.status in _WAITING):
        _take_power(tx, row, observed, now)
    elif reached is not None and observed.saved is (reached is ServerStatus.SUSPENDED):
        assert observed.power is not None
        _become(tx, row, report, reached, observed.power, f"its host reports that it {_WORDS[reached]}", now)
    elif not row.powered and observed.power in _OFF and observed.disk == row.disks[-1]:
        _become(tx, row, report, ServerStatus.SHUTOFF, PowerState.SHUTOFF, "its host reports that it is shut off", now)
    elif done and observed.power not in _ON and not observed.saved and _may_be_off(row, observed):
        _take_off(control, tx, row, report, now)
    elif row.status in (*_RAN, ServerStatus.RESCUE) and row.task_state is None:
        _take_power(tx, row, observed, now)


def _may_be_off(row: ServerRow, observed: ObservedServer) -> bool:
    return row.status in _RAN or (row.status in _MAY_RUN and observed.power in _OFF)


def _take_waiting_off(control: Control, tx: Tx, row: ServerRow, report: ServerReport, now: datetime) -> None:
    """The guest of a resized or rescued server is off: the status stays until the user acts, and the guest stays off.

    If its host was restarted, and the operator chose `resume_guests_state_on_host_boot`, it is started once more.
    """
    if report.rebooted and row.powered and control.settings.resume_guests_state_on_host_boot:
        task = TaskState.RESCUING if row.status is ServerStatus.RESCUE else None
        desire(tx, row, now, starts=row.starts + 1, task_state=task, power=PowerState.SHUTOFF)
    elif row.powered or row.power is not PowerState.SHUTOFF:
        servers.update_server(tx, row.id, now, power=PowerState.SHUTOFF, powered=False)


def _take_power(tx: Tx, row: ServerRow, observed: ObservedServer, now: datetime) -> None:
    if observed.power is not None and observed.power is not row.power:
        servers.update_server(tx, row.id, now, power=observed.power)


def is_awaited(row: ServerRow) -> bool:
    """True if something is in progress: only then does a reported fault change the server."""
    return row.status in _COMING or row.task_state is not None


def _take_off(control: Control, tx: Tx, row: ServerRow, report: ServerReport, now: datetime) -> None:
    """The guest ran and is off: it powered itself off, or its host lost power, perhaps before anyone saw it run."""
    if row.status in _BROUGHT_UP:
        _become(tx, row, report, ServerStatus.ACTIVE, PowerState.RUNNING, "its host reports that it has run", now)
        reached = ServerStatus.VERIFY_RESIZE if row.status is ServerStatus.RESIZE else ServerStatus.ACTIVE
        row = replace(row, status=reached, task_state=None, launched=row.launched or now)
        report = replace(report, claims=())  # they are allocated by now
    if row.status is ServerStatus.VERIFY_RESIZE:
        _take_waiting_off(control, tx, row, report, now)
    else:
        _stopped_by_itself(control, tx, row, report, now)


def _stopped_by_itself(control: Control, tx: Tx, row: ServerRow, report: ServerReport, now: datetime) -> None:
    """A guest that its host's restart ended is started again if the operator chose so; one that powered off is not."""
    if report.rebooted and control.settings.resume_guests_state_on_host_boot:
        starting = {"starts": row.starts + 1, "task_state": TaskState.POWERING_ON, "power": PowerState.SHUTOFF}
        desire(tx, row, now, hold=None, **starting)
        why = "its host was restarted: it is started again"
        events.add_event(tx, Event(now, "server", str(row.status), str(row.status), why, row.host_id, None, row.id))
        return
    servers.update_server(tx, row.id, now, powered=False, hold=None)
    by_itself = "its saved memory is gone" if row.status is ServerStatus.SUSPENDED else "the guest powered itself off"
    why = "its host was restarted" if report.rebooted else by_itself
    _become(tx, row, report, ServerStatus.SHUTOFF, PowerState.SHUTOFF, why, now)


def _become(
    tx: Tx, row: ServerRow, report: ServerReport, status: ServerStatus, power: PowerState, reason: str, now: datetime
) -> None:
    """Takes a server to a status that its host has reached, with its devices."""
    _allocate(tx, report, now)
    if row.status is ServerStatus.RESIZE:
        status = ServerStatus.VERIFY_RESIZE
    if (row.status, row.task_state, row.power) == (status, None, power) or row.status is ServerStatus.ERROR:
        return
    launched = row.launched or (now if status is ServerStatus.ACTIVE else None)
    over: dict[str, object] = {}
    if row.rescue is not None and row.rescue.over:
        over |= {"rescue": None, "rescue_image_id": None}
    if power is PowerState.RUNNING:
        over["admin_pass"] = None  # the guest's own drive has it
    set_status(tx, row, status, reason, now, task_state=None, power=power, launched=launched, **over)
    drop_shelved_image(tx, row, now)
    _follow_move(tx, row, now)


def _allocate(tx: Tx, report: ServerReport, now: datetime) -> None:
    claimed = [
        claim for claim in report.claims if claim.state is ClaimState.CLAIMED and is_attached(tx, claim, report.seen)
    ]
    claims.move_claims(tx, claimed, ClaimState.ALLOCATED, now)
    for claim in claimed:
        device_event(tx, claim, "claimed", "allocated", "its server runs with it", now)


def is_attached(tx: Tx, claim: Claim, seen: ObservedServer) -> bool:
    """True unless the host reports that the domain does not have the claimed function."""
    return seen.attached is None or claim.kind != WholeFunction.kind or name_of(tx, claim) in seen.attached


def name_of(tx: Tx, claim: Claim) -> UnitName | None:
    """The name of the claimed function on its host, or None."""
    device = providers.get_provider(tx, claim.device_id).device
    return WholeFunction(device.address).name if device is not None else None


def _follow_move(tx: Tx, row: ServerRow, now: datetime) -> None:
    """Takes the move of a server that its host has brought up, or brought back, to its next state."""
    move = moves.find_open_move(tx, row.id)
    if move is None:
        return
    if move.state is MoveState.POST_MIGRATING:
        moves.set_move_state(tx, move, kind_of(move).reached, now)
    elif move.state is MoveState.REVERTING:
        moves.set_move_state(tx, move, MoveState.REVERTED, now)
