"""A live migration: what the two hosts of a guest that runs must do, and what they report.

The guest runs on exactly one of them at any moment. It arrives standing still, and continues there only after its source
has written down, durably, that it is no longer its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class LiveRole(StrEnum):
    """Which end of a live migration a host is."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


class LiveStage(StrEnum):
    """How far a host has come with its part."""

    LISTENING = "listening"  # the target waits for the source
    COPYING = "copying"  # the source sends disks and memory
    HANDED = "handed"  # the source has ended its guest, which is whole on the target


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """What a host must do for a live migration; `move` is the migration's UUID.

    The source connects to `peer` ("address:port"), which shows a certificate with the SHA-256 `fingerprint`, and shows `secret` there. `force`
    asks it to let the guest stand still until all is copied. What is not part of the repr may change under way.
    """

    move: str
    role: LiveRole
    secret: str = field(default="", repr=False)
    peer: str = ""
    fingerprint: str = ""
    force: bool = field(default=False, repr=False)


@dataclass(frozen=True, slots=True)
class LiveProgress:
    """How much has been copied, in bytes, and the times in milliseconds.

    `downtime_ms` is how long the guest stood still: from its last act on the source to its first on the target, as its source measured.
    """

    memory_total: int = 0
    memory_processed: int = 0
    memory_remaining: int = 0
    disk_total: int = 0
    disk_processed: int = 0
    disk_remaining: int = 0
    elapsed_ms: int = 0
    downtime_ms: int = 0


@dataclass(frozen=True, slots=True)
class LiveSeen:
    """What a host reports of its part: the target where it listens and with which certificate, the source its progress."""

    move: str
    stage: LiveStage
    address: str = ""
    fingerprint: str = ""
    progress: LiveProgress = LiveProgress()
