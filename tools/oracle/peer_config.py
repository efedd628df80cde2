"""Gives Nova the aliases and device specs of a case, and the case's devices in the place of a host's /sys."""

from __future__ import annotations

from typing import Any

import nova.conf  # type: ignore[import-not-found]
from nova.pci import request as pci_request  # type: ignore[import-not-found]
from nova.pci import utils, whitelist

Json = dict[str, Any]
CONF = nova.conf.CONF


def configured(case: Json) -> Json:
    """Set the case's aliases and return them as Nova has read them, by name."""
    CONF.set_override("alias", case["aliases"], "pci")
    CONF.set_override("pci_in_placement", case["placement"], "filter_scheduler")
    pci_request.get_alias_from_config.cache_clear()
    return dict(pci_request.get_alias_from_config())


def rules_of(case: Json, devices: list[Json]) -> whitelist.Whitelist:
    """Return the case's device specs as Nova has read them on a host with these devices."""
    CONF.set_override("report_in_placement", case["report"], "pci")
    known = {device["address"]: device for device in devices}
    utils.is_physical_function = lambda d, b, s, f: _is_card(known.get(f"{d}:{b}:{s}.{f}"))
    utils.get_function_by_ifname = lambda _name: (None, False)
    return whitelist.Whitelist(case["specs"])


def _is_card(device: Json | None) -> bool:
    return device is not None and device["kind"] == "type-PF"
