"""Devices as people say them, "4 x h100, one switch", and as flavors do, "h100:4"; both become the words of a flavor."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from busway.domain.alias import ALIAS_EXTRA_SPEC, parse_alias_counts
from busway.domain.errors import BadInput, BuswayError
from busway.domain.flavor import Flavor
from busway.domain.within import WITHIN_EXTRA_SPEC, Within

MOST_CHARS = 255
_TOGETHER = {
    "switch": Within.SWITCH,
    "pcie switch": Within.SWITCH,
    "numa node": Within.NUMA,
    "numa": Within.NUMA,
    "socket": Within.SOCKET,
}
_WITHIN = re.compile(r"(?:on |below |within )?(?:one|1|the same|same) (.+)")
_TIMES = re.compile(r"(\d{1,9})(?:\s*[x×*]\s*|\s+)(\S.*)")
_SIGNS = ("x", "×", "*")
_COLON = re.compile(r"([^:]*\S)\s*:\s*(\d{1,9})")


@dataclass(frozen=True, slots=True)
class DeviceWish:
    """How many devices of which names, and the part of a host that must hold all of them."""

    counts: tuple[tuple[str, int], ...]
    within: Within | None = None

    @property
    def extra_specs(self) -> dict[str, str]:
        """What a flavor says for it, once the names are those of aliases."""
        alias = ",".join(f"{name}:{count}" for name, count in self.counts)
        return {ALIAS_EXTRA_SPEC: alias} | ({WITHIN_EXTRA_SPEC: self.within.value} if self.within else {})

    def __str__(self) -> str:
        """In words: "4 × h100, one switch"."""
        words = [f"{count} × {name}" for name, count in self.counts]
        return ", ".join([*words, *([self.within.words] if self.within else [])])


def parse_wish(text: str, aliases: Collection[str]) -> DeviceWish:
    """Reads it; a name that is an alias but for its case becomes that alias. Raises `BadInput` with how to say it."""
    known = {name.lower(): name for name in aliases} | {name: name for name in aliases}
    counts: list[tuple[str, int]] = []
    within: Within | None = None
    for part in (each.strip() for each in text[:MOST_CHARS].split(",")):
        together = _WITHIN.fullmatch(part.lower())
        if together is not None and together[1] in _TOGETHER:
            within = _TOGETHER[together[1]]
            continue
        name, count = _count(part)
        if not name or count < 1:
            raise _unreadable(part, aliases)
        counts.append((known.get(name) or known.get(name.lower()) or name, count))
    if not counts:
        raise _unreadable(text.strip(), aliases)
    return DeviceWish(tuple(counts), within)


def wish_of(flavor: Flavor) -> DeviceWish | None:
    """The devices of a flavor as a wish, in one order; None for a flavor without any, or that can't be read."""
    text, within = flavor.extra_specs.get(ALIAS_EXTRA_SPEC, ""), flavor.extra_specs.get(WITHIN_EXTRA_SPEC)
    try:
        counts = sorted(parse_alias_counts(text)) if text else []
        return DeviceWish(tuple(counts), Within(within) if within else None) if counts else None
    except (BuswayError, ValueError):
        return None


def _count(part: str) -> tuple[str, int]:
    if (found := _COLON.fullmatch(part)) is not None:
        return found[1].strip(), int(found[2])
    if (found := _TIMES.fullmatch(part)) is not None:
        return ("" if found[2] in _SIGNS else found[2].strip()), int(found[1])
    return ("", 0) if ":" in part or part[:1].isdigit() else (part, 1)


def _unreadable(part: str, aliases: Collection[str]) -> BadInput:
    names = ", ".join(sorted(aliases)[:20]) or "none"
    return BadInput(
        f"'{part[:60]}' is not a number of devices",
        detail=f"Aliases: {names}. Together: one switch, one NUMA node, one socket.",
        remedy="Say it like: 4 x h100, one switch. Or like a flavor: h100:4.",
        code="device-wish",
    )
