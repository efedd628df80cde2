"""Limits that a flavor sets to what its guests take of CPUs, disks and network cards: Nova's `quota:` extra specs for libvirt.

libvirt has the bounds (formatdomain: CPU Tuning, `iotune`, Quality of service): a period of 1 ms to 1 s, a quota of 1 ms at least, and a
total or a part of each rate, not both. CPU shares are 1 to 10000, as weights of cgroups v2 are (the kernel's cgroup-v2: 100 without one);
v1 would take 2 to 262144, and hosts of both kinds must be able to take a flavor. QEMU stops at 10^15 for rates, and takes a burst (`_max`)
with its rate only. tc counts the burst of a card in 32 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields

from busway.domain.errors import InvalidExtraSpec
from busway.domain.text import shortened

PREFIX = "quota:"
_CPU, _DISK, _INBOUND, _OUTBOUND = "cpu_", "disk_", "vif_inbound_", "vif_outbound_"
_MOST_RATE, _MOST_SPEED, _MOST_BURST = 10**15, 2**31 - 1, 2**22 - 1
_MOST_QUOTA = 17_592_186_044_415


@dataclass(frozen=True, slots=True)
class DiskLimits:
    """What each disk of a guest may do in a second, by libvirt's names; 0 is no limit.

    What ends in `_max` is for bursts of a second; `size_iops_sec` is how many bytes count as one operation.
    """

    total_bytes_sec: int = 0
    read_bytes_sec: int = 0
    write_bytes_sec: int = 0
    total_iops_sec: int = 0
    read_iops_sec: int = 0
    write_iops_sec: int = 0
    total_bytes_sec_max: int = 0
    read_bytes_sec_max: int = 0
    write_bytes_sec_max: int = 0
    total_iops_sec_max: int = 0
    read_iops_sec_max: int = 0
    write_iops_sec_max: int = 0
    size_iops_sec: int = 0


@dataclass(frozen=True, slots=True)
class CardLimits:
    """What each network card of a guest may send, or be sent: kB a second on average and at the peak, and kB at the peak; 0 is no limit."""

    average: int = 0
    peak: int = 0
    burst: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a guest; `cpu_period` and `cpu_quota` are microseconds of each vCPU, and 0 is no limit. `inbound` is to the guest."""

    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    disk: DiskLimits = DiskLimits()
    inbound: CardLimits = CardLimits()
    outbound: CardLimits = CardLimits()

    @property
    def of_cpus(self) -> bool:
        """Whether the host needs the cgroup of CPUs for them."""
        return bool(self.cpu_shares or self.cpu_quota)

    @property
    def of_cards(self) -> bool:
        """Whether network cards are limited."""
        return bool(self.inbound.average or self.outbound.average)


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class LimitWord:
    """An extra spec that limits: its bounds, and what it does."""

    name: str
    least: int
    most: int
    meaning: str

    @property
    def flavor(self) -> str:
        """The extra spec."""
        return f"{PREFIX}{self.name}"


def _words() -> Iterator[LimitWord]:
    yield LimitWord(
        "cpu_shares",
        1,
        10000,
        "the guest's weight when guests want more CPU time than there is; one without has 100 (cgroups v2)",
    )
    yield LimitWord("cpu_quota", 1000, _MOST_QUOTA, "microseconds of CPU time that each vCPU gets in each period")
    yield LimitWord("cpu_period", 1000, 1_000_000, "that period in microseconds; 100000 without")
    for field in fields(DiskLimits):
        yield LimitWord(f"{_DISK}{field.name}", 1, _MOST_RATE, _of_disk(field.name))
    for prefix, way in ((_INBOUND, "is sent to"), (_OUTBOUND, "is sent by")):
        yield LimitWord(
            f"{prefix}average",
            1,
            _MOST_SPEED,
            f"kB/s that {way} each of the guest's network cards on a bridge, on average",
        )
        yield LimitWord(f"{prefix}peak", 1, _MOST_SPEED, "the same at most; the average or more")
        yield LimitWord(f"{prefix}burst", 1, _MOST_BURST, "kB that go at the peak")


def _of_disk(name: str) -> str:
    if name == "size_iops_sec":
        return "bytes that count as one operation; larger ones count as several"
    way, what, _, *burst = name.split("_")
    noun = {"bytes": "bytes", "iops": "operations"}[what]
    verb = {"total": "read and write", "read": "read", "write": "write"}[way]
    if burst:
        return f"{noun} a second for bursts of a second; the rate or more"
    return f"{noun} a second that the guest may {verb} on each of its disks"


LIMIT_WORDS = tuple(_words())
_BY_NAME = {word.flavor: word for word in LIMIT_WORDS}
# Nova's words for other hypervisors.
OTHERS = {
    f"{PREFIX}{what}_{how}": "Nova's driver for VMware alone reads it"
    for what in ("cpu", "memory", "disk_io", "vif")
    for how in ("limit", "reservation", "shares_level", "shares_share")
}


def has_card_limits(specs: Mapping[str, str]) -> bool:
    """True where a flavor limits network cards."""
    return any(key.startswith((f"{PREFIX}{_INBOUND}", f"{PREFIX}{_OUTBOUND}")) for key in specs)


def read_numbers(specs: Mapping[str, str], error: Callable[[str, str, str], InvalidExtraSpec]) -> dict[str, int]:
    """The limits among some extra specs, each alone; raises `error(key, value, why)` for a value that can't be."""
    return {key: _number(key, value, error) for key, value in specs.items() if key in _BY_NAME}


def read_limits(specs: Mapping[str, str], error: Callable[[str, str, str], InvalidExtraSpec]) -> Limits:
    """The limits that a flavor sets by all of its extra specs; raises `error` for those too that can't be together."""
    found = read_numbers(specs, error)

    def values(prefix: str, name: str = "") -> dict[str, int]:
        start = f"{PREFIX}{prefix}"
        return {f"{name}{key.removeprefix(start)}": value for key, value in found.items() if key.startswith(start)}

    def refuse(name: str, why: str) -> None:
        raise error(f"{PREFIX}{name}", specs[f"{PREFIX}{name}"], why)

    limits = Limits(
        **values(_CPU, _CPU),
        disk=DiskLimits(**values(_DISK)),
        inbound=CardLimits(**values(_INBOUND)),
        outbound=CardLimits(**values(_OUTBOUND)),
    )
    if limits.cpu_period and not limits.cpu_quota:
        refuse("cpu_period", "a period limits nothing without quota:cpu_quota")
    _check_disk(limits.disk, refuse)
    for prefix, card in ((_INBOUND, limits.inbound), (_OUTBOUND, limits.outbound)):
        _check_card(prefix, card, refuse)
    return limits


def _check_disk(disk: DiskLimits, refuse: Callable[[str, str], None]) -> None:
    for what in ("bytes_sec", "iops_sec"):
        for each in ("read", "write"):
            name = f"{each}_{what}"
            if getattr(disk, name) and getattr(disk, f"total_{what}"):
                refuse(f"{_DISK}{name}", f"{_DISK}total_{what} limits it already; use one of the two")
        for each in ("total", "read", "write"):
            rate, most = getattr(disk, f"{each}_{what}"), getattr(disk, f"{each}_{what}_max")
            if most and most < (rate or _MOST_RATE + 1):
                refuse(
                    f"{_DISK}{each}_{what}_max",
                    f"it must be {PREFIX}{_DISK}{each}_{what} at least"
                    if rate
                    else f"it needs {PREFIX}{_DISK}{each}_{what}",
                )
    if disk.size_iops_sec and not (disk.total_iops_sec or disk.read_iops_sec or disk.write_iops_sec):
        refuse(f"{_DISK}size_iops_sec", "no operations are limited that it could count")


def _check_card(prefix: str, card: CardLimits, refuse: Callable[[str, str], None]) -> None:
    for name, value in (("peak", card.peak), ("burst", card.burst)):
        if value and not card.average:
            refuse(f"{prefix}{name}", f"it needs {PREFIX}{prefix}average")
    if card.peak and card.peak < card.average:
        refuse(f"{prefix}peak", f"it must be {PREFIX}{prefix}average at least")


def _number(key: str, text: str, error: Callable[[str, str, str], InvalidExtraSpec]) -> int:
    word = _BY_NAME[key]
    value = int(text) if len(text) <= 16 and text.isascii() and text.isdigit() else -1
    if not word.least <= value <= word.most:
        less = "; leave it out for no limit" if value == 0 or text.startswith("-") else ""
        raise error(key, shortened(text), f"it may be {word.least} to {word.most}{less}")
    return value
