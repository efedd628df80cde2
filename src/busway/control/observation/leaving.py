"""Handles servers and devices that leave a host: a device is freed only if the report shows that the host has released it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from busway.control.agents.units import unit_of
from busway.control.devices.recycle import USED_ONCE, is_spent_by_use
from busway.control.observation.handovers import why_not_next
from busway.control.servers.leave import finish_delete, let_go
from busway.domain.claim import ClaimState
from busway.domain.device_spec import DeviceSpecs
from busway.domain.documents import Observed, ObservedServer
from busway.domain.grant import Fault, Held
from busway.domain.ids import ClaimId, DeviceId, ServerId, UnitName
from busway.domain.server import TaskState
from busway.domain.units import WHOLE_KINDS
from busway.store import cells, claims, departures, devices, events, providers
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.departures import Departure
from busway.store.events import Event
from busway.store.servers import Intent, ServerRow

_RECENT = 50  # events of a server among which a failure is not told twice
# By the id of a claim, and by device and server.
_Holdings = Mapping[ClaimId | tuple[DeviceId | None, ServerId], Held]


@dataclass(frozen=True, slots=True)
class Leaving:
    """The part of one report that concerns servers and devices that leave the host."""

    generation: int
    seen: Mapping[ServerId, ObservedServer]
    holdings: _Holdings
    unclear: frozenset[ServerId]  # servers of which the report says what is not understood
    specs: DeviceSpecs
    now: datetime

    @classmethod
    def of(cls, observed: Observed, present: Mapping[str, DeviceId], specs: DeviceSpecs, now: datetime) -> Leaving:
        """Reads a report; `present` are the host's devices by address."""
        seen = {server.id: server for server in observed.servers}
        unclear = frozenset(each.id for each in observed.unreadable)
        return cls(observed.generation, seen, _holdings(observed, present), unclear, specs, now)

    def take(
        self, tx: Tx, server_id: ServerId, row: ServerRow | None, live: list[Claim], departure: Departure | None
    ) -> bool:
        """Frees the devices of one server that the host has released; True if a device became free.

        `live` are its claims on this host. `row` is None for a server of which only a claim is left.
        """
        if server_id in self.unclear:
            return False
        observed = self.seen.get(server_id)
        left = [claim for claim in live if not self._take_claim(tx, claim, observed, departure is not None)]
        if row is not None and departure is not None and self.generation >= departure.generation:
            _take_departure(tx, row, departure, observed, left, self.holdings, self.now)
        return len(left) < len(live)

    def _take_claim(self, tx: Tx, claim: Claim, observed: ObservedServer | None, leaving: bool) -> bool:
        """Frees a claim if its device was released, and returns True then; a device that could not be released is quarantined."""
        stuck = _held_for(claim, self.holdings)
        if _is_free(claim, _name(tx, claim, self.specs), observed, stuck, self.generation, leaving):
            _free(tx, claim, self.specs, self.now)
            return True
        if claim.state is ClaimState.RELEASING and stuck is not None and stuck.fault is not None:
            _quarantine(tx, claim, stuck.fault, self.now)
        return False


def _holdings(observed: Observed, present: Mapping[str, DeviceId]) -> _Holdings:
    """The units that the host holds, by claim; for agents that do not report the claim also by device and server."""
    found: dict[ClaimId | tuple[DeviceId | None, ServerId], Held] = {}
    for held in observed.held:
        found[held.claim_id] = found[present.get(held.unit.name), held.server_id] = held
    return found


def _held_for(claim: Claim, holdings: _Holdings) -> Held | None:
    return holdings.get(claim.id) or holdings.get((claim.device_id, claim.server_id))


def _name(tx: Tx, claim: Claim, specs: DeviceSpecs) -> Callable[[], UnitName]:
    """The unit's name on the host, looked up only when it is needed."""
    return lambda: unit_of(claim, providers.get_provider(tx, claim.device_id), specs).name


def _is_free(
    claim: Claim,
    name: Callable[[], UnitName],
    observed: ObservedServer | None,
    stuck: Held | None,
    generation: int,
    leaving: bool,
) -> bool:
    """A released device that neither the agent nor a domain has; a departing server's domain must be gone whole."""
    if claim.state is not ClaimState.RELEASING or generation < claim.generation or stuck is not None:
        return False
    if observed is None:
        return True
    if leaving:
        return observed.power is None
    return name() not in observed.devices


def _take_departure(
    tx: Tx,
    row: ServerRow,
    departure: Departure,
    observed: ObservedServer | None,
    left: list[Claim],
    holdings: _Holdings,
    now: datetime,
) -> None:
    """Follows a server that leaves: its guest gone, then all of it.

    A quarantined device does not keep its server's user from being rid of the server; its claim stays until it is free.
    """
    if observed is not None and observed.power is not None:
        return  # its domain is still there, whatever it holds
    if not departure.guest_gone:
        departures.set_guest_gone(tx, departure)
    if observed is None and not left:
        departures.end_departure(tx, departure)
        cells.forget_cells(tx, row.id, departure.host_id)
    over = not departures.list_departures(tx, server_id=row.id)
    if over and row.intent is Intent.ABSENT:
        let_go(tx, row, now)
    stuck = [_held_for(claim, holdings) for claim in left]
    stuck_only = all(each is not None and each.fault is not None for each in stuck)
    if stuck_only and row.task_state is TaskState.DELETING and row.host_id in (None, departure.host_id):
        finish_delete(tx, row, now)


def _free(tx: Tx, claim: Claim, specs: DeviceSpecs, now: datetime) -> None:
    """Ends a claim; a device of one use, or whose way back proves nothing, waits in quarantine for its operator."""
    claims.move_claims(tx, [claim], ClaimState.FREED, now)
    if claim.kind not in WHOLE_KINDS:
        device_event(tx, claim, "releasing", "available", f"{claim.unit}: its host reports that it is gone", now)
        return
    row = devices.get_device(tx, claim.device_id)
    apart = why_not_next(tx, claim, specs) or (USED_ONCE if is_spent_by_use(specs, row.device) else "")
    devices.set_quarantine(tx, claim.device_id, apart or None)
    why = "its host reports that nobody holds it" + ("" if row.present else "; it is not there any more")
    new = "removed" if not row.present else "quarantined" if apart else "available"
    device_event(tx, claim, "releasing", new, f"{why}; {apart}" if apart else why, now)


def _quarantine(tx: Tx, claim: Claim, fault: Fault, now: datetime) -> None:
    reason = f"{fault.brief} {fault.detail}".strip()
    if claim.kind not in WHOLE_KINDS:  # the others of its parent continue; its own place is not given to anyone
        recent = events.list_events(tx, server_id=claim.server_id, limit=_RECENT)
        if all(event.reason != reason for event in recent):
            device_event(tx, claim, "releasing", "releasing", reason, now)
        return
    if devices.get_quarantine(tx, claim.device_id) != reason:
        devices.set_quarantine(tx, claim.device_id, reason)
        device_event(tx, claim, "releasing", "quarantined", reason, now)


def device_event(tx: Tx, claim: Claim, old: str, new: str, reason: str, now: datetime) -> None:
    """Writes down what became of a claimed device."""
    event = Event(now, "device", old, new, reason, claim.host_id, claim.device_id, claim.server_id)
    events.add_event(tx, event)
