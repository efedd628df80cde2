"""The service catalog: regions, services and their endpoints, as in Keystone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from busway.domain.errors import BadInput

INTERFACES = ("public", "internal", "admin")
# What an endpoint's URL may name. Source: Keystone's properties of templated URLs.
PLACEHOLDERS = ("public_endpoint", "project_id", "tenant_id", "user_id")
_PLACEHOLDER = re.compile(r"[$%]\(([^()]*)(\)s)?")


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the cloud with endpoints of its own; it may lie in another one."""

    id: str
    description: str = ""
    parent_region_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Service:
    """A kind of API of the cloud, such as compute."""

    id: str
    type: str
    name: str = ""
    description: str = ""
    enabled: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service answers; `url` may have the placeholders of `PLACEHOLDERS`, as in `$(public_endpoint)s/image`."""

    id: str
    service_id: str
    interface: str
    url: str
    region_id: str | None = None
    enabled: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


def check_url(url: str) -> None:
    """Raises `BadInput` when a URL has a placeholder that means nothing."""
    for found in _PLACEHOLDER.finditer(url):
        if found.group(1) not in PLACEHOLDERS or not found.group(2):
            raise BadInput(
                f"The URL has the placeholder {found.group(0)[:80]}, which means nothing",
                detail=f"There are {', '.join(f'$({name})s' for name in PLACEHOLDERS)}.",
                remedy="Use one of these, or none.",
                code="endpoint-url",
            )


def filled(url: str, values: Mapping[str, str | None]) -> str | None:
    """The URL with the values of its placeholders; None where one of them has none, such as a project in a domain's token."""
    names = {found.group(1) for found in _PLACEHOLDER.finditer(url)}
    if any(not values.get(name) for name in names):
        return None
    return _PLACEHOLDER.sub(lambda found: str(values[found.group(1)]), url)
