"""Takes in how devices came back, and judges whether each may go to the next server.

A host's first report with a key makes it that host's; records with another key's signature prove nothing. If the host
signs records, a device that a guest had is offered again only with a record that is judged good.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from busway.domain.device import PciDevice
from busway.domain.device_spec import DeviceSpecs
from busway.domain.documents import Observed
from busway.domain.errors import BadInput
from busway.domain.handover import Handover, SignedHandover, judge
from busway.domain.ids import DeviceId, HostId
from busway.pki.signature import is_signed
from busway.store import devices
from busway.store import handovers as store
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.handovers import HandoverRow
from busway.wire.handover import decode_handover

_log = structlog.get_logger("busway.handovers")


def take_handovers(tx: Tx, host_id: HostId, observed: Observed, present: dict[str, DeviceId], now: datetime) -> None:
    """Stores the records of a report that are signed with the host's key; others are logged and ignored."""
    key = store.get_key(tx, host_id)
    if not key and observed.handover_key:
        key = observed.handover_key
        store.set_key(tx, host_id, key)
    for signed in observed.handovers:
        read = _read(signed, key)
        device_id = present.get(str(read.address)) if read else None
        if read is None or device_id is None:
            _log.warning("a record of a hand-over proves nothing", host=observed.host, text=signed.text[:200])
            continue
        server, text, signature = read.server_id, signed.text, signed.signature
        row = HandoverRow(0, read.id[:64], host_id, device_id, server, now, read.reset, None, text, signature)
        store.add_handover(tx, row)


def why_not_next(tx: Tx, claim: Claim, specs: DeviceSpecs) -> str:
    """Why a released device may not go to the next server, "" if it may; stores the verdict."""
    row = store.find_handover(tx, claim.device_id, claim.server_id)
    if row is None:
        needed = claim.allocated is not None and bool(store.get_key(tx, claim.host_id))
        return judge(None, None, without_reset=False) if needed else ""
    handover = decode_handover(row.text)
    first = store.get_identity(tx, claim.device_id)
    verdict = judge(handover, first, without_reset=_without_reset(tx, claim, specs))
    known = handover.before or handover.after
    if first is None and known is not None:
        store.set_identity(tx, claim.device_id, known)
    store.set_verdict(tx, row.number, verdict)
    return verdict


def accept_last(tx: Tx, device_id: DeviceId) -> None:
    """Accepts the identity at a device's last hand-over as the right one, because the operator has checked the device."""
    rows = store.list_handovers(tx, device_id, 1)
    after = decode_handover(rows[-1].text).after if rows else None
    if after is not None:
        store.set_identity(tx, device_id, after)


def _read(signed: SignedHandover, key: str) -> Handover | None:
    if not key or not is_signed(key, signed.text.encode(), signed.signature):
        return None
    try:
        return decode_handover(signed.text)
    except BadInput:
        return None


def _without_reset(tx: Tx, claim: Claim, specs: DeviceSpecs) -> bool:
    """What the operator says of the device; one that no spec names travels with its card, and is as that is."""
    row = devices.get_device(tx, claim.device_id)
    spec = specs.find(row.device)
    if spec is not None:
        return spec.tags.without_reset
    mates = [each.device for each in devices.list_devices(tx, claim.host_id) if _same_group(each.device, row.device)]
    found = [specs.find(mate) for mate in mates]
    return any(spec.tags.without_reset for spec in found if spec is not None)


def _same_group(one: PciDevice, other: PciDevice) -> bool:
    return one.iommu_group is not None and one.iommu_group == other.iommu_group
