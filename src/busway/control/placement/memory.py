"""What a control process remembers from one snapshot to the next, so that a turn costs what has changed since.

Nothing hangs on it: it is asked with what the database says now, and a placement commits only where the host's generation
and revision are still those of the snapshot. Every change of the devices that a placement rests on makes its host's
revision grow, in the transaction that makes the change.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from busway.domain.device_spec import DeviceSpec, DeviceSpecs
from busway.domain.device_tags import NO_TAGS
from busway.domain.ids import DeviceId, HostId, ServerId
from busway.domain.placement import DeviceState, HostState, Snapshot
from busway.scheduler.index import with_hosts
from busway.store import devices
from busway.store.database import Tx
from busway.store.devices import DeviceRow
from busway.store.hosts import HostRow

_States = tuple[DeviceState, ...]
F = TypeVar("F")
_Owners = tuple[ServerId | None, ...]


@dataclass(slots=True)
class _Known:
    """The devices of one host without owners, as of a revision, and with the owners that were asked for last."""

    revision: int
    free: _States
    owners: _Owners = ()
    states: _States = ()


@dataclass(slots=True)
class SnapshotMemory:
    """Device states by host, and the last snapshot with its index; safe to use from many threads."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _specs: DeviceSpecs | None = None
    _known: dict[HostId, _Known] = field(default_factory=dict)
    _states: dict[HostId, tuple[object, HostState]] = field(default_factory=dict)
    _last: Snapshot | None = None

    def device_states(
        self, tx: Tx, specs: DeviceSpecs, rows: Sequence[HostRow], owners: Mapping[DeviceId, ServerId]
    ) -> dict[HostId, _States]:
        """The devices of each host with their owners; `rows` must have been read before this is asked."""
        with self._lock:
            if self._specs is not specs:
                self._specs = specs
                self._known.clear()
            self._load(tx, specs, rows)
            return {row.id: _owned(self._known[row.id], owners) for row in rows}

    def states(self, facts: Mapping[HostId, F], of: Callable[[F], HostState]) -> list[HostState]:
        """The states of hosts, in the order of `facts`; one whose facts are those of the last time is not made again."""
        with self._lock:
            last, self._states = self._states, {}
            for host_id, now in facts.items():
                known = last.get(host_id)
                self._states[host_id] = known if known is not None and known[0] == now else (now, of(now))
            return [state for _, state in self._states.values()]

    def snapshot(self, states: list[HostState]) -> Snapshot:
        """The snapshot of these hosts; its index is made of that of the last one where few hosts have changed."""
        with self._lock:
            made = with_hosts(self._last, states) if self._last is not None else Snapshot(tuple(states))
            self._last = made
            return made

    def _load(self, tx: Tx, specs: DeviceSpecs, rows: Sequence[HostRow]) -> None:
        stale = [row for row in rows if (known := self._known.get(row.id)) is None or known.revision != row.revision]
        found: dict[HostId, list[DeviceState]] = {row.id: [] for row in stale}
        rules: dict[int, DeviceSpec | None] = {}  # by the identity of a device: equal ones are one value
        for device in devices.list_devices_of(tx, [row.id for row in stale]):
            key = id(device.device)
            if key not in rules:
                rules[key] = specs.find(device.device)
            found[device.host_id].append(_state(rules[key], device))
        for row in stale:
            self._known[row.id] = _Known(row.revision, tuple(found[row.id]))
        if len(self._known) > len(rows):
            present = {row.id for row in rows}
            self._known = {host_id: known for host_id, known in self._known.items() if host_id in present}


def _owned(known: _Known, owners: Mapping[DeviceId, ServerId]) -> _States:
    """The states of the free devices with their owners; the tuple is made again only when an owner changes."""
    now = tuple(owners.get(state.id) for state in known.free)
    if now != known.owners or not known.states:
        known.owners = now
        pairs = zip(known.free, now, strict=True)
        known.states = tuple(state if owner is None else replace(state, claimed_by=owner) for state, owner in pairs)
    return known.states


def _state(spec: DeviceSpec | None, row: DeviceRow) -> DeviceState:
    return DeviceState(
        row.id,
        row.device,
        row.present,
        offered=spec is not None,
        quarantined=row.quarantined,
        tags=spec.tags if spec is not None else NO_TAGS,
    )
