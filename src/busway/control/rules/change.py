"""One change of the PCI rules: in the placer's turn, with who, when and what, and what it brings about.

The turn makes a change count for every placement after it, in any process: none that was decided on the older rules
commits later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from busway.control.context import Control
from busway.control.devices.listing import NOT_OFFERED_ANY_MORE
from busway.control.rules.in_force import PciRules, read_rules
from busway.domain.caller import Caller
from busway.domain.config_warning import ConfigWarning
from busway.domain.device import PciDevice
from busway.domain.device_spec import DeviceSpec
from busway.domain.errors import BadInput, Conflict
from busway.domain.ids import DeviceId, HostId
from busway.domain.units import WHOLE_KINDS
from busway.policy import authorize
from busway.store import claims, devices, events
from busway.store import pci_rules as store
from busway.store.claims import Claim
from busway.store.database import Tx, take_turn
from busway.store.devices import DeviceRow
from busway.store.events import Event
from busway.store.pci_rules import RuleChange

_NOT_OFFERED = "not offered"


@dataclass(frozen=True, slots=True)
class RuleTurn:
    """A transaction that changes rules; `before` are those that were in force."""

    control: Control
    tx: Tx
    caller: Caller
    now: datetime
    before: PciRules

    def record(self, kind: str, key: str, act: str, definitions: Iterable[str]) -> int:
        """Writes the change down; returns the version that it makes."""
        change = RuleChange(self.now, self.caller.user_id, self.caller.user_name, kind, key, act, tuple(definitions))
        return store.add_change(self.tx, change)

    def add_device_events(self, *touched: DeviceSpec) -> None:
        """An event for each device that is offered, or no longer offered, after the change; a server that has it keeps it.

        `touched` are the rules that came, went or changed: no other device can be concerned.
        """
        after = read_rules(self.control.settings, self.tx).device_specs
        owners = {claim.device_id: claim for claim in claims.list_live_claims(self.tx)}
        new_events = []
        for row in _matched(self.tx, touched):
            owner, is_now = owners.get(row.id), after.find(row.device) is not None
            if (self.before.device_specs.find(row.device) is not None) == is_now or not (row.present or owner):
                continue
            old, new, why = _change(owner, is_now)
            reason, server = f"{why} (changed by {self.caller.user_name})", owner.server_id if owner else None
            new_events.append(Event(self.now, "device", old, new, reason, row.host_id, row.id, server))
        events.add_events(self.tx, new_events)


def review_change(
    control: Control, tx: Tx, before: PciRules, place: str
) -> tuple[PciRules, list[PciDevice], tuple[ConfigWarning, ...]]:
    """The rules after a change, the devices that are there, and every warning about the rule at `place` or new elsewhere.

    It is asked after the change, outside the placer's turn: it looks at every device of every host.
    """
    after = control.pci_rules(tx)
    known = [row.device for row in devices.list_devices(tx) if row.present]
    old = before.warnings(known)
    return after, known, tuple(each for each in after.warnings(known) if each.option == place or each not in old)


@contextmanager
def changing_rules(control: Control, caller: Caller, rule: str) -> Iterator[RuleTurn]:
    """One transaction in which an admin changes rules; `act` completes "may not …"."""
    authorize(caller, rule)
    with control.db.write() as tx:
        take_turn(tx, "place")
        yield RuleTurn(control, tx, caller, control.now(), read_rules(control.settings, tx))
    control.bell.ring("place")


def check_version(turn: RuleTurn, kind: str, key: str, current: int, given: int | None) -> None:
    """Raises `Conflict` unless a change is based on the rule as it is now."""
    if given is None:
        raise BadInput(
            f"A change of {kind.replace('_', ' ')} {key} must name the version that it is based on",
            detail=f"Its current version is {current}.",
            remedy="Read it, and send its version.",
            code="rule-version-missing",
        )
    if given != current:
        last = next(each for each in store.list_changes(turn.tx, kind, key) if each.version == current)
        raise Conflict(
            f"{kind.replace('_', ' ').capitalize()} {key} has been changed: it is at version {current}, not {given}",
            detail=f"{last.user_name} {last.act} it at {last.at:%Y-%m-%d %H:%M:%S} UTC: {' '.join(last.definitions)}",
            remedy="Read it again, and change the current version.",
            code="rule-stale",
        )


def add_unoffered_events(control: Control, tx: Tx, host_id: HostId, now: datetime) -> None:
    """An event for each device that a server has given back just now and that no device_spec offers any more."""
    specs = control.pci_rules(tx).device_specs
    freed = {each.device_id for each in claims.list_freed(tx, host_id, now) if each.kind in WHOLE_KINDS}
    gone = [r for r in devices.list_devices(tx, host_id) if r.id in freed and specs.find(r.device) is None]
    why = "no device_spec offers it any more"
    events.add_events(tx, [Event(now, "device", "available", _NOT_OFFERED, why, host_id, row.id) for row in gone])


def _matched(tx: Tx, touched: Iterable[DeviceSpec]) -> list[DeviceRow]:
    """The devices that any of these rules names, each once."""
    found: dict[DeviceId, DeviceRow] = {}
    for spec in touched:
        rows = devices.list_devices(tx, vendor_id=spec.vendor_id, product_id=spec.product_id)
        found |= {row.id: row for row in rows if spec.matches(row.device)}
    return list(found.values())


def _change(owner: Claim | None, is_now: bool) -> tuple[str, str, str]:
    """Old state, new state and reason for a device that a change of rules has to do with."""
    if owner is not None:
        state = str(owner.state)
        return state, state, "a device_spec offers it again" if is_now else NOT_OFFERED_ANY_MORE
    if is_now:
        return _NOT_OFFERED, "available", "a device_spec offers it now"
    return "available", _NOT_OFFERED, "no device_spec offers it any more"
