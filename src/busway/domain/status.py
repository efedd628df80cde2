"""Device status as users of Nova know it, computed from inventory and claims and never stored."""

from __future__ import annotations

from enum import StrEnum

from busway.domain.claim import ClaimState


class DeviceStatus(StrEnum):
    """What may be done with a device now; the first seven are Nova's own words.

    `unclaimable` and `unavailable` are derived: something else that is claimed or allocated blocks the device (its PF
    or VF, or another member of its IOMMU group). `quarantined` is Busway's: a release that was not seen to succeed.
    """

    AVAILABLE = "available"
    CLAIMED = "claimed"
    ALLOCATED = "allocated"
    REMOVED = "removed"
    DELETED = "deleted"
    UNCLAIMABLE = "unclaimable"
    UNAVAILABLE = "unavailable"
    QUARANTINED = "quarantined"


def device_status(
    *,
    present: bool,
    claim: ClaimState | None,
    quarantined: bool,
    blocked_by: ClaimState | None,
    unusable: bool = False,
) -> DeviceStatus:
    """Computes the status of one whitelisted device.

    `claim` is the state of its own live claim, `blocked_by` of a live claim on something that excludes it. A claim that
    is being released still counts as allocated: a device becomes free by observation only, and is quarantined when
    its release was seen to fail. `unusable` means that nobody can have it as the host is now: foreign members in its
    IOMMU group, or no group at all.
    """
    if claim is ClaimState.CLAIMED:
        return DeviceStatus.CLAIMED
    if claim is ClaimState.RELEASING and quarantined:
        return DeviceStatus.QUARANTINED
    if claim in (ClaimState.ALLOCATED, ClaimState.RELEASING):
        return DeviceStatus.ALLOCATED
    if not present:
        return DeviceStatus.REMOVED
    if quarantined:
        return DeviceStatus.QUARANTINED
    if blocked_by is ClaimState.CLAIMED:
        return DeviceStatus.UNCLAIMABLE
    if blocked_by is not None or unusable:
        return DeviceStatus.UNAVAILABLE
    return DeviceStatus.AVAILABLE
