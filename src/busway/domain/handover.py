"""What a host says of a device that came back from a server: how it was cleaned, and whether it is what it was before.

The host measures and signs; the control plane judges. Only what was judged good goes to the next server.
"""

from __future__ import annotations

from dataclasses import dataclass

from busway.domain.address import PciAddress
from busway.domain.ids import ServerId


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells whether a device was rewritten; "" where the device, or the kernel, shows nothing.

    `ids` are vendor, device, subsystem, revision and class as the kernel prints them. `config` is the SHA-256 of what
    may not change in configuration space, `rom` that of the expansion ROM, `vpd` that of the vital product data, and
    `firmware` the version that these tell.
    """

    ids: str
    config: str = ""
    rom: str = ""
    vpd: str = ""
    firmware: str = ""

    def differences(self, before: Identity) -> tuple[str, ...]:
        """The parts that are others than before. What can't be read now and could be then is another, too."""
        names = ("ids", "config", "rom", "vpd", "firmware")
        pairs = ((name, getattr(before, name), getattr(self, name)) for name in names)
        return tuple(f"{name} was {_short(old)} and is {_short(new)}" for name, old, new in pairs if old != new)


@dataclass(frozen=True, slots=True)
class Scrub:
    """A program of the operator's that cleaned a device, and the end of what it said."""

    program: str
    seconds: float
    output: str = ""


@dataclass(frozen=True, slots=True)
class Handover:
    """One device's way back from one server.

    Times are in nanoseconds since the epoch. `before` was measured when the server got the device, `after` once it was
    cleaned; None where nothing could be measured. `reset` tells whether the kernel had a method to reset it, and
    used it. Two records of one `id` are of one hand-over.
    """

    id: str
    address: PciAddress
    server_id: ServerId
    taken: int
    returned: int
    reset: bool
    before: Identity | None = None
    after: Identity | None = None
    scrub: Scrub | None = None


@dataclass(frozen=True, slots=True)
class SignedHandover:
    """A record's JSON text exactly as its host signed it."""

    text: str
    signature: str


_NO_RECORD = "its host has handed in no record of how it came back"
_NO_RESET = "it came back without a reset, and its device spec does not say without_reset"
_NOT_SEEN = "its host could not look at it after it came back"
_CHANGED = "it is not what was first seen: "


def is_verdict(reason: str) -> bool:
    """True for a verdict of `judge` that refuses a device."""
    return reason.startswith((_NO_RECORD, _NO_RESET, _NOT_SEEN, _CHANGED))


def judge(handover: Handover | None, first: Identity | None, *, without_reset: bool) -> str:
    """Why a device may not go to the next server, "" when it may.

    `first` is what was first seen of it. `without_reset` means that its operator allows it without a reset.
    """
    if handover is None:
        return _NO_RECORD
    if not handover.reset and not without_reset:
        return _NO_RESET
    if handover.after is None:
        return "" if without_reset else _NOT_SEEN
    known = first or handover.before
    changed = handover.after.differences(known) if known else ()
    return f"{_CHANGED}{'; '.join(changed)}" if changed else ""


def _short(text: str) -> str:
    return f"{text[:16]}…" if len(text) == 64 else text or "nothing"
