"""The hand-overs of a device as its operator sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from busway.control.context import Control
from busway.control.devices.listing import get_device
from busway.domain.caller import Caller
from busway.domain.handover import Handover
from busway.domain.ids import ServerId
from busway.pki.signature import is_signed
from busway.policy import authorize
from busway.store import handovers as store
from busway.store.handovers import HandoverRow
from busway.wire.handover import decode_handover

MOST = 1000


@dataclass(frozen=True, slots=True)
class HandoverView:
    """One hand-over: what was measured, what was judged, and the signed text with which both can be checked."""

    id: str
    server_id: ServerId
    received: datetime
    reset: bool
    passed: bool | None
    verdict: str
    verified: bool
    handover: Handover
    text: str
    signature: str


@dataclass(frozen=True, slots=True)
class Handovers:
    """The hand-overs of one device, oldest first, and the key that checks their signatures."""

    device: str
    host: str
    key: str
    handovers: tuple[HandoverView, ...]


def list_handovers(control: Control, caller: Caller, name: str, limit: int = 100) -> Handovers:
    """The last hand-overs of a device."""
    authorize(caller, "busway:devices:handovers")
    device = get_device(control, caller, name).device
    with control.db.read() as tx:
        rows = store.list_handovers(tx, device.id, min(limit, MOST))
        key = store.get_key(tx, rows[-1].host_id) if rows else ""
    return Handovers(device.address, device.host, key, tuple(_view(row, key) for row in rows))


def _view(row: HandoverRow, key: str) -> HandoverView:
    return HandoverView(
        id=row.id,
        server_id=row.server_id,
        received=row.received,
        reset=row.reset,
        passed=None if row.verdict is None else not row.verdict,
        verdict=row.verdict or "",
        verified=is_signed(key, row.text.encode(), row.signature),
        handover=decode_handover(row.text),
        text=row.text,
        signature=row.signature,
    )
