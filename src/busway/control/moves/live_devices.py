"""Devices of a server that is migrated live: its guest lets go of them, and is given equal ones where it goes.

The state of a device can't be copied. So its guest loses it for a while, which its flavor must permit. The devices on the target are claimed with
the request, and taken there before the guest is asked for anything; those of the source stay claimed until the guest is gone from there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from busway.control.context import Control
from busway.control.servers.interfaces import keep_places
from busway.domain.claim import ClaimState
from busway.domain.device import PciDevice
from busway.domain.errors import Conflict
from busway.domain.guest_machine import may_unplug
from busway.domain.host_facts import GuestAct
from busway.domain.ids import UnitName
from busway.domain.placement import ClaimedDevice
from busway.domain.server import Hold
from busway.domain.units import WholeFunction
from busway.store import claims, ports, providers
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.hosts import HostRow
from busway.store.servers import ServerRow

COLD = "Migrate it cold, which shuts the guest down: openstack server migrate ID"
Ids = tuple[str, str]  # vendor and product


def claimed_here(tx: Tx, row: ServerRow) -> list[Claim]:
    """What a server has claims on where its guest is, and does not let go."""
    live = claims.list_live_claims(tx, server_id=row.id)
    return [claim for claim in live if claim.state is not ClaimState.RELEASING and claim.host_id == row.host_id]


def check_unplug(row: ServerRow, host: HostRow, held: Sequence[Claim]) -> None:
    """Raises `Conflict` unless the devices of a server may be taken out of its guest, and can be."""
    if not may_unplug(row.flavor.extra_specs):
        raise Conflict(
            f"Server {row.id} can't be migrated live: it has devices of its host",
            detail="The state of a device that a guest has can't be copied, and the flavor does not permit to take the device out.",
            remedy=f"{COLD}. Or give servers a flavor with busway:live_unplug=true: their guests then lose their devices for a while, and get equal "
            "ones on the other host.",
            code="live-unfit",
        )
    if row.hold is Hold.PAUSED:
        raise Conflict(
            f"Server {row.id} can't be migrated live with its devices: it is paused",
            detail="A guest that stands still can't let go of a device.",
            remedy="Let it continue: openstack server unpause ID",
            code="live-unfit",
        )
    if host.resources is None or GuestAct.LIVE_UNPLUG not in host.resources.acts:
        raise Conflict(
            f"Server {row.id} can't be migrated live with its devices: the agent of its host is too old",
            remedy="Upgrade Busway on that host; its guests keep running meanwhile.",
            code="guest-act",
        )
    for claim in held:
        mates = [each for each in held if each.id != claim.id and each.port == claim.port]
        if claim.kind != WholeFunction.kind or claim.alias is None or claim.port is None or mates:
            raise Conflict(
                f"Server {row.id} can't be migrated live: a device of {claim.alias or 'its card'} can't be unplugged alone",
                detail=f"It is a part of a card or an IOMMU group, or of kind {claim.kind}; only whole devices are plugged in one by one.",
                remedy=COLD,
                code="live-unfit",
            )


def ids_of(tx: Tx, held: Sequence[Claim]) -> dict[str, Ids]:
    """Vendor and product of each claimed device, by claim."""
    return {claim.id: _ids(device) for claim in held if (device := _device(tx, claim)) is not None}


def names_of(tx: Tx, held: Sequence[Claim]) -> frozenset[UnitName]:
    """What their host calls the claimed functions."""
    found = (_device(tx, claim) for claim in held)
    return frozenset(WholeFunction(device.address).name for device in found if device is not None)


def list_claims(tx: Tx, row: ServerRow, ids: Collection[str]) -> list[Claim]:
    """The live claims of a server with these ids."""
    return [claim for claim in claims.list_live_claims(tx, server_id=row.id) if claim.id in ids]


def places_for(tx: Tx, row: ServerRow, held: Sequence[Claim], devices: Sequence[ClaimedDevice]) -> dict[str, int]:
    """The guest's root port of each new device, by its card: that of the equal one that the guest has now.

    Raises `Conflict` when the target's are not as many and as equal, which a changed alias can bring about.
    """
    known, left, found = ids_of(tx, held), list(held), dict[str, int]()
    for device in devices:
        provider = providers.get_provider(tx, device.device_id).device
        ids = _ids(provider) if provider is not None else None
        twin = next((claim for claim in left if claim.alias == device.alias and known.get(claim.id) == ids), None)
        if twin is None or twin.port is None or device.kind != WholeFunction.kind:
            raise _unequal(row)
        left.remove(twin)
        found[device.card or device.device_id] = twin.port
    if left:
        raise _unequal(row)
    return found


def pin_places(control: Control, tx: Tx, row: ServerRow) -> None:
    """Writes down where the guest has its cards: nothing moves in it while its devices are out."""
    keep_places(control, tx, row, ports.server_ports(tx, [row.id]).get(row.id, []))


def _device(tx: Tx, claim: Claim) -> PciDevice | None:
    return providers.get_provider(tx, claim.device_id).device


def _ids(device: PciDevice) -> Ids:
    return device.vendor_id, device.product_id


def _unequal(row: ServerRow) -> Conflict:
    return Conflict(
        f"Server {row.id} can't be migrated live: its flavor's aliases mean other devices by now than it has",
        detail="Its guest must get equal devices where it goes.",
        remedy=COLD,
        code="live-unfit",
    )
