"""Hosts drawn beside what was decided about each: where servers would land, or why not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from busway.control.devices.listing import list_devices
from busway.domain.server import HostReason
from busway.store.devices import DeviceFilter
from busway.web.map.layout import Cabinet, layout
from busway.web.map.names import drawing_values
from busway.web.page import View

MOST_DRAWN = 24


@dataclass(frozen=True, slots=True)
class Drawn:
    """One host: its drawing, the addresses on which something lands, and why nothing does."""

    name: str
    cabinet: Cabinet
    landing: Collection[str] = field(default=())
    reason: HostReason | None = None


def drawn(
    view: View, landing: Mapping[str, Collection[str]], refused: Iterable[HostReason], first: str = ""
) -> dict[str, Any]:
    """What the template of cabinets needs: `first` and one host of each reason come first; nothing for who may not see hosts."""
    reasons = _varied(refused, first)
    reason_of = {each.host: each for each in reasons[:MOST_DRAWN]}
    names = [*landing, *(name for name in reason_of if name not in landing)]
    if not names or not view.may("busway:devices:list"):
        return {"cabinets": [], "more_hosts": 0, **drawing_values(())}
    views = [each for name in names for each in list_devices(view.control, view.caller, DeviceFilter(host=name))]
    cabinets = [
        Drawn(name, layout(each for each in views if each.host == name), landing.get(name, ()), reason_of.get(name))
        for name in names
    ]
    return {"cabinets": cabinets, "more_hosts": max(len(reasons) - MOST_DRAWN, 0), **drawing_values(views)}


def _varied(refused: Iterable[HostReason], first: str) -> list[HostReason]:
    """All of them, so that the first few show the nearest miss and then each reason there is."""
    seen: dict[tuple[str, str], int] = {}
    ranked = []
    for each in refused:
        number = seen[each.rule, each.reason] = seen.get((each.rule, each.reason), -1) + 1
        ranked.append((each.host != first, number, each.host, each))
    return [each for *_, each in sorted(ranked, key=lambda one: one[:3])]
