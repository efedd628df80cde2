"""Devices in words become names of aliases: an alias itself, or the only one for devices of a model."""

from __future__ import annotations

import re
from collections.abc import Mapping

from busway.control.context import Control
from busway.control.placement.snapshot import take_snapshot
from busway.domain.alias import Alias
from busway.domain.caller import Caller
from busway.domain.device_wish import DeviceWish, parse_wish
from busway.domain.errors import BadInput
from busway.domain.placement import Snapshot
from busway.policy import authorize

_WORD = re.compile(r"[a-z0-9]+")


def read_wish(control: Control, caller: Caller, text: str) -> DeviceWish:
    """Reads "4 x h100, one switch"; a name that is no alias may be a model, as pci.ids calls it. Errors: `BadInput`."""
    authorize(caller, "busway:plan")
    with control.db.read() as tx:
        aliases = control.pci_rules(tx).aliases
        wish = parse_wish(text, aliases)
        if all(name in aliases for name, _ in wish.counts):
            return wish
        snapshot = take_snapshot(control, tx)
    counts = tuple((name if name in aliases else _of_model(name, aliases, snapshot), n) for name, n in wish.counts)
    return DeviceWish(counts, wish.within)


def _of_model(name: str, aliases: Mapping[str, Alias], snapshot: Snapshot) -> str:
    words = set(_WORD.findall(name.lower()))
    known = {
        (device.vendor_id, device.product_id, device.kind, state.tags): state
        for host in snapshot.hosts
        for state in host.devices
        if words and words <= set(_WORD.findall((device := state.device).product_name.lower()))
    }
    found = [alias.name for alias in aliases.values() if any(alias.matches(d.device, d.tags) for d in known.values())]
    if len(found) == 1:
        return found[0]
    if found:
        raise BadInput(
            f"Several aliases mean devices that are called {name}: {', '.join(sorted(found))}",
            remedy="Name one of them.",
            code="device-wish",
        )
    raise BadInput(
        f"There is no alias {name[:60]}, and no alias for devices that are called so",
        detail=f"Aliases: {', '.join(sorted(aliases)[:20]) or 'none'}.",
        remedy="Name one of them, or ask your operator for one (`busway alias create`).",
        code="device-wish",
    )
