"""When a failed step is tried again.

A server that failed is left until what is desired of it changes: the control plane marks it ERROR and has it torn
down. A teardown is tried again and again, with pauses that double from 1 s to 60 s, for nothing else can be done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace

from busway.agent.record import ServerRecord
from busway.agent.state import StateFolder
from busway.domain.documents import Desired
from busway.domain.errors import BuswayError, HostError
from busway.domain.grant import Fault
from busway.domain.ids import ServerId
from busway.reconciler.steps import Retry, Step, Subject

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_GOING = "absent"


@dataclass(frozen=True, slots=True)
class _Pause:
    until: float
    length: float


class Faults:
    """Remembers failures: for a server that must be there in its record, for one that must go in memory.

    Workers call it, each for its own server; only the main loop sets the desired state.
    """

    def __init__(self, state: StateFolder, monotonic: Callable[[], float]) -> None:
        self._state = state
        self._monotonic = monotonic
        self._wanted: dict[ServerId, str] = {}
        self._pauses: dict[tuple[ServerId, str], _Pause] = {}
        self._unwritten: dict[ServerId, tuple[Fault, str]] = {}  # those that the disk did not take

    def desire(self, desired: Desired) -> None:
        """Stores the desired state of each server, and forgets pauses and faults of servers that are not in it."""
        self._wanted = {server.id: _digest(repr(server)) for server in desired.servers}
        self._wanted |= dict.fromkeys(desired.absent, _GOING)
        for unreadable in desired.unreadable:
            self._wanted[unreadable.id] = _digest(unreadable.detail)
        self._pauses = {key: pause for key, pause in self._pauses.copy().items() if key[0] in self._wanted}
        self._unwritten = {one: kept for one, kept in self._unwritten.copy().items() if one in self._wanted}
        for unreadable in desired.unreadable:
            with suppress(HostError, OSError):  # it is told from memory
                self._note(unreadable.id, unreadable.fault)

    @property
    def wishes(self) -> dict[ServerId, str]:
        """A word for the desired state of each server, which changes with it."""
        return self._wanted

    def current(self, server_id: ServerId, record: ServerRecord) -> Fault | None:
        """The fault to report of a server; None if it belongs to an earlier desired state and work on the newer one has begun."""
        wanted = self._wanted.get(server_id)
        fault, fault_for = self._unwritten.get(server_id, (record.fault, record.fault_for))
        return fault if wanted is None or fault_for == wanted else None

    def may_try(self, step: Step) -> bool:
        """True unless the step's server failed with the same desire, or a teardown still pauses."""
        pause = self._pauses.get(_key(step))
        if pause is not None and self._monotonic() < pause.until:
            return False
        wanted = self._wanted.get(step.server_id, "")
        return wanted == _GOING or self.current(step.server_id, self._state.record(step.server_id)) is None

    def failed(self, step: Step, fault: Fault) -> None:
        """Remembers a failure; that of a device is kept with the device, not with the server."""
        wanted = self._wanted.get(step.server_id, "")
        if wanted == _GOING or step.policy.retry is Retry.ALWAYS:
            last = self._pauses.get(_key(step))
            length = min(last.length * 2, _LONGEST_PAUSE) if last else _FIRST_PAUSE
            self._pauses[_key(step)] = _Pause(self._monotonic() + length, length)
        if step.policy.subject is Subject.SERVER:
            self._note(step.server_id, fault)

    def _note(self, server_id: ServerId, fault: Fault) -> None:
        wanted = self._wanted.get(server_id, "")
        self._unwritten[server_id] = fault, wanted
        record = self._state.record(server_id)
        if (record.fault, record.fault_for) != (fault, wanted):
            self._state.write_record(server_id, replace(record, fault=fault, fault_for=wanted))
        del self._unwritten[server_id]

    def succeeded(self, step: Step) -> None:
        """Ends the pause of a step that worked."""
        self._pauses.pop(_key(step), None)

    def clear_settled(self, unfinished: Collection[ServerId]) -> None:
        """Forgets the faults of servers that have come to a newer desire; `unfinished` still have steps to do."""
        for server_id, wanted in self._wanted.items():
            if server_id in unfinished or wanted == _GOING:
                continue
            with suppress(HostError, OSError):  # what can't be read or written now is not told as long as it is old
                record = self._state.record(server_id)
                if record.fault is not None and record.fault_for != wanted:
                    self._state.write_record(server_id, replace(record, fault=None, fault_for=""))


def fault_of(step: Step, error: BuswayError) -> Fault:
    """The fault for an error: its four fields and the step that failed; notes about a failed undo are added to the detail."""
    notes = " ".join(getattr(error, "__notes__", ()))
    detail = f"{error.detail} {notes}".strip()
    return Fault(step.name, error.brief, detail, error.remedy, error.code)


def _key(step: Step) -> tuple[ServerId, str]:
    return step.server_id, f"{step.name} {step.subject}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
