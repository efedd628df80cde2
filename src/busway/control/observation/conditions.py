"""Stores the conditions that a host reports: links, utilisation, findings. They are bounded, and no placement depends on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from busway.control.context import Control
from busway.domain.condition import CardMode, CardModes, Conditions, DeviceCondition, HostFinding
from busway.domain.errors import Forbidden
from busway.domain.ids import HostId
from busway.store import conditions, devices, events, hosts
from busway.store.database import Tx
from busway.store.devices import DeviceFilter
from busway.store.events import Event

_MOST_DEVICES, _MOST_FINDINGS, _MOST_MODES = 1024, 256, 16
_SHORT, _LONG = 64, 1000  # characters
_SEVERITIES = ("blocks", "warns", "informs")
_Number = TypeVar("_Number", int, float)


def put_conditions(control: Control, host_id: HostId, reported: Conditions) -> None:
    """Stores a host's conditions; a link with another number of lanes than before becomes an event of its device."""
    now, reported = control.now(), _bounded(reported)
    with control.db.write() as tx:
        host = hosts.find_host_by_id(tx, host_id)
        if host is None or host.name != reported.host:
            raise Forbidden("A host reports on itself only", code="agent-foreign-report")
        before = conditions.conditions_of(tx, [host_id]).get(host_id)
        if before == reported:
            return
        if before is not None:
            _add_link_events(tx, host, {each.device: each for each in before.devices}, reported, now)
        conditions.put_conditions(tx, host_id, reported, now)


def _add_link_events(
    tx: Tx, host: hosts.HostRow, before: Mapping[str, DeviceCondition], reported: Conditions, now: datetime
) -> None:
    for each in reported.devices:
        old = before.get(each.device)
        if old is None or None in (old.link_width, each.link_width) or old.link_width == each.link_width:
            continue
        for row in devices.list_page(tx, DeviceFilter(host=host.name, address=each.device)):
            lanes = f"x{old.link_width}", f"x{each.link_width}"
            reason = f"link {lanes[0]} -> {lanes[1]}"
            events.add_event(tx, Event(now, "device", lanes[0], lanes[1], reason, host.id, row.id))


def _bounded(reported: Conditions) -> Conditions:
    """The report within bounds: limited in length, and without figures that no link can have."""
    return replace(
        reported,
        devices=tuple(_device(each) for each in reported.devices[:_MOST_DEVICES]),
        findings=tuple(_finding(each) for each in reported.findings[:_MOST_FINDINGS] if each.severity in _SEVERITIES),
        modes=tuple(_modes(each) for each in reported.modes[:_MOST_DEVICES]),
    )


def _device(reported: DeviceCondition) -> DeviceCondition:
    return DeviceCondition(
        reported.device[:_SHORT],
        _within(reported.link_speed, 1000.0),
        _within(reported.link_width, 64),
        _within(reported.link_max_speed, 1000.0),
        _within(reported.link_max_width, 64),
        reported.utilization if reported.utilization is not None and 0 <= reported.utilization <= 100 else None,
    )


def _modes(reported: CardModes) -> CardModes:
    ways = (
        CardMode(_text(each.name, _SHORT), each.serves, _text(each.why, _LONG)) for each in reported.ways[:_MOST_MODES]
    )
    return CardModes(reported.device[:_SHORT], tuple(ways))


def _within(value: _Number | None, most: _Number) -> _Number | None:
    return value if value is not None and 0 < value <= most else None


def _finding(reported: HostFinding) -> HostFinding:
    return HostFinding(
        _text(reported.code, _SHORT),
        reported.severity,
        _text(reported.brief, _LONG),
        _text(reported.remedy, _LONG),
        reported.device[:_SHORT],
    )


def _text(text: str, most: int) -> str:
    """PostgreSQL's text holds no NUL."""
    return text.replace("\0", "")[:most]
