"""Who has which role where: a user or a group, on a project, a domain or the whole system."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Actor(StrEnum):
    """What a role is given to."""

    USER = "user"
    GROUP = "group"


class Place(StrEnum):
    """What a role is given on."""

    PROJECT = "project"
    DOMAIN = "domain"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One role of one actor in one place; `place_id` is "" for the system.

    One that is `inherited` holds in the projects below the place, and not in the place itself. Source: Keystone's OS-INHERIT.
    """

    actor: Actor
    actor_id: str
    place: Place
    place_id: str
    role_id: str
    inherited: bool = False
