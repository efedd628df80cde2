"""How the devices of a host do now: their links, how busy they are, in which ways its cards can be given to guests, and what the doctor found.

Nothing is decided by it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeviceCondition:
    """One device by its address; None is unknown.

    Speeds are GT/s of a lane. An idle GPU lowers its speed: only fewer lanes are a fault. `utilization` is percent in
    steps of five, as the guest that has the device tells it.
    """

    device: str
    link_speed: float | None = None
    link_width: int | None = None
    link_max_speed: float | None = None
    link_max_width: int | None = None
    utilization: int | None = None

    @property
    def is_narrow(self) -> bool:
        """True when fewer lanes work than the device has."""
        return self.link_width is not None and self.link_max_width is not None and self.link_width < self.link_max_width


@dataclass(frozen=True, slots=True)
class HostFinding:
    """What the doctor found: `severity` is blocks, warns or informs; `device` is the address of its card, "" for the host."""

    code: str
    severity: str
    brief: str
    remedy: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class CardMode:
    """One way to give a card to guests: `serves` is whether it can be given so now, `why` the facts for that or against it."""

    name: str
    serves: bool
    why: str


@dataclass(frozen=True, slots=True)
class CardModes:
    """All ways of the card that has this address, the whole card first."""

    device: str
    ways: tuple[CardMode, ...]


@dataclass(frozen=True, slots=True)
class Conditions:
    """All that a host reports of its condition. `examined` is False while its doctor has not looked."""

    host: str
    devices: tuple[DeviceCondition, ...] = ()
    findings: tuple[HostFinding, ...] = ()
    examined: bool = False
    modes: tuple[CardModes, ...] = ()
