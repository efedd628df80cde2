"""Fit: where servers would land, or why not on each host, by the placer's own decision; and one click that creates them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from busway.control.flavors import list_flavors
from busway.control.placement.plan import Decision, decide
from busway.control.placement.wish import read_wish
from busway.control.rules.aliases import list_aliases
from busway.domain.device_wish import DeviceWish, wish_of
from busway.domain.errors import BadInput, BuswayError, NotFound
from busway.domain.flavor import Flavor
from busway.domain.ids import FlavorId
from busway.domain.server import HostReason
from busway.web.cabinets import drawn
from busway.web.page import Page, View
from busway.web.pages.flavors import make_flavor
from busway.web.pages.server_create import choices, server_body
from busway.web.words import devices_in_words

_SIZES = {"vcpus": 2, "ram": 2048, "disk": 10}
_DIGITS = 6
_ADDRESS = re.compile(r"\b[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b")
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the page is about: devices in words, a flavor, or nothing yet; and the flavors that would serve it."""

    wanted: Flavor | None = None
    wish: DeviceWish | None = None
    like: Sequence[Flavor] = ()


def _show(view: View, failed: BuswayError | None = None) -> Response:
    flavors = list_flavors(view.control, view.caller, None)
    asked, decision, error = _Asked(), None, failed
    count, sizes = "1", dict(_SIZES)
    try:
        count, sizes = (
            str(_number(view, "count", 1)),
            {name: _number(view, name, most) for name, most in _SIZES.items()},
        )
        asked = _asked(view, flavors, sizes)
        decision = decide(view.control, view.caller, asked.wanted, int(count)) if asked.wanted is not None else None
    except BuswayError as refused:
        error = failed or refused
    values: dict[str, Any] = {
        "flavors": flavors,
        "devices": {flavor.id: devices_in_words(flavor) for flavor in flavors},
        "aliases": _aliases(view),
        "asked": asked,
        "asked_devices": _given(view, "devices"),
        "count": count,
        "sizes": sizes,
        "plan": decision.plan if decision else None,
        "name": _server_name(asked),
        "makes": asked.wanted is not None and not asked.like,
        **choices(view),
        **_drawn(view, decision),
    }
    return view.render("fit.html", error, **values)


def _given(view: View, name: str) -> str:
    return view.form.text(name) or view.query(name)


def _number(view: View, name: str, default: int) -> int:
    text = _given(view, name) or str(default)
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        raise BadInput(f"{name} is not a whole number", detail=f"It is '{text[:40]}'.", code="form-number")
    return int(text)


def _aliases(view: View) -> list[str]:
    """The names to choose from; where somebody may not list them, those that their flavors name say enough."""
    if not view.may("busway:aliases:list"):
        return []
    return [each.name for each in list_aliases(view.control, view.caller)[0] if each.in_force]


def _asked(view: View, flavors: Sequence[Flavor], sizes: dict[str, int]) -> _Asked:
    text, name = _given(view, "devices"), _given(view, "flavor")
    if text:
        wish = read_wish(view.control, view.caller, text)
        like = _like(flavors, wish)
        return _Asked(like[0] if like else _wished(wish, sizes), wish, like)
    if not name:
        return _Asked()
    chosen = next((each for each in flavors if name in (each.id, each.name)), None)
    if chosen is None:
        raise NotFound(f"Flavor {name} could not be found", code="flavor-not-found")
    return _Asked(chosen, None, [chosen])


def _like(flavors: Sequence[Flavor], wish: DeviceWish) -> list[Flavor]:
    """The flavors with exactly these devices, the smallest first."""
    same = DeviceWish(tuple(sorted(wish.counts)), wish.within)
    found = [each for each in flavors if wish_of(each) == same]
    return sorted(found, key=lambda each: (each.vcpus, each.ram_mb, each.disk_gb, each.name))


def _wished(wish: DeviceWish, sizes: dict[str, int]) -> Flavor:
    """A flavor that is in no list."""
    return Flavor(
        FlavorId("wish"),
        str(wish),
        ram_mb=sizes["ram"],
        vcpus=sizes["vcpus"],
        disk_gb=sizes["disk"],
        extra_specs=wish.extra_specs,
    )


def _server_name(asked: _Asked) -> str:
    if asked.wish is not None:
        return "-".join(_NOT_IN_NAMES.sub("-", f"{name}-{count}") for name, count in asked.wish.counts)[:60]
    return asked.wanted.name if asked.wanted is not None else ""


def _drawn(view: View, decision: Decision | None) -> dict[str, Any]:
    """Hosts with the devices on which servers would land, or with why not; nothing for who may not see hosts."""
    landing: dict[str, set[str]] = {}
    for server in decision.plan.servers if decision else ():
        if server.host:
            addresses = (_ADDRESS.search(line) for line in server.devices)
            landing.setdefault(server.host, set()).update(found[0] for found in addresses if found)
    refused = [HostReason(each.host, each.rule, each.reason) for each in decision.hosts] if decision else []
    refusal = decision.plan.refusal if decision else None
    return drawn(view, landing, refused, (refusal.nearest or "").partition(": ")[0] if refusal else "")


def _create(view: View) -> Response:
    """Creates what fits, by the flavor that has these devices; where there is none, that is made first, and goes if it was in vain."""
    made = ""
    try:
        flavors = list_flavors(view.control, view.caller, None)
        asked = _asked(view, flavors, {name: _number(view, name, most) for name, most in _SIZES.items()})
        if asked.wanted is None:
            raise BadInput("Neither a flavor nor devices were chosen", remedy="Choose one.", code="device-wish")
        flavor = asked.wanted.id
        if asked.wish is not None and not asked.like:
            flavor = FlavorId(made := make_flavor(view, asked.wanted, _flavor_name(asked.wish, flavors)))
        server = view.do("POST", "/compute/v2.1/servers", {"server": server_body(view, flavor)}).body["server"]["id"]
    except BuswayError as error:
        if made:
            view.do("DELETE", "/compute/v2.1/flavors/{id}", id=made)
        return _show(view, error)
    return view.go("/servers" if _number(view, "count", 1) > 1 else f"/servers/{server}", "created")


def _flavor_name(wish: DeviceWish, flavors: Sequence[Flavor]) -> str:
    """A name that tells the devices, and that no flavor has: "gpu.h100.4.switch"."""
    parts = [f"{name}.{count}" for name, count in wish.counts] + ([wish.within.value] if wish.within else [])
    name = _NOT_IN_NAMES.sub("-", ".".join(["gpu", *parts]))[:200]
    taken = {each.name for each in flavors}
    return next(each for each in (name, *(f"{name}-{n}" for n in range(2, len(taken) + 3))) if each not in taken)


PAGES = (
    Page("GET", "/fit", _show, rule="busway:plan"),
    Page("POST", "/fit", _create, rule="os_compute_api:servers:create"),
)
