"""The places of the console, in the order of its navigation; each is shown to whom its rule lets in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from busway.web.page import View


@dataclass(frozen=True, slots=True)
class Place:
    """One entry: the word that names its text and its icon, its path, and the rule of its page."""

    name: str
    path: str
    rule: str
    operator: bool = False


PLACES = (
    Place("map", "/map", "busway:devices:list"),
    Place("servers", "/servers", "os_compute_api:servers:index"),
    Place("fit", "/fit", "busway:plan"),
    Place("images", "/images", "get_images"),
    Place("keypairs", "/keypairs", "os_compute_api:os-keypairs:index"),
    Place("flavors", "/flavors", "os_compute_api:flavors"),
    Place("quotas", "/quotas", "busway:quota:show"),
    Place("usage", "/usage", "busway:usage"),
    Place("hosts", "/hosts", "busway:hosts:list", operator=True),
    Place("device_specs", "/device-specs", "busway:device-specs:list", operator=True),
    Place("aliases", "/aliases", "busway:aliases:list", operator=True),
    Place("projects", "/projects", "identity:list_projects", operator=True),
    Place("events", "/events", "busway:events:list", operator=True),
    Place("audit", "/audit", "busway:audit:list", operator=True),
)


def places(view: View) -> list[Place]:
    """The places that the caller may see."""
    return [place for place in PLACES if view.may(place.rule)]
