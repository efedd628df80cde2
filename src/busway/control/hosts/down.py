"""Whether a silent host is known to be down, for all that must not be done to one that only could not be heard."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta

from busway.control.context import Control
from busway.domain.errors import Unavailable
from busway.domain.placement import HostState


def seconds_to_know(control: Control) -> int:
    """For how many seconds nobody can know yet whether a silent host is down; 0 once this process has listened for a lease."""
    lease, heard = timedelta(seconds=control.settings.lease_seconds), control.hearing.heard_for(control.now())
    return math.ceil((lease - heard).total_seconds()) if heard < lease else 0


def is_too_early(control: Control, hosts: Iterable[HostState]) -> bool:
    """True while one of these hosts is silent and may not be down, and so may take what no other host can."""
    return seconds_to_know(control) > 0 and any(host.enabled and not host.up for host in hosts)


def check_known_down(control: Control, name: str) -> None:
    """Raises `Unavailable` while nobody can know whether a host that does not report is down."""
    if seconds_to_know(control):
        raise not_heard(control, f"It is not known yet whether host {name} is down")


def not_heard(control: Control, brief: str) -> Unavailable:
    """The error for what can't be decided until hosts can have reported."""
    return Unavailable(
        brief,
        detail="The control plane could hear no host until a moment ago: it was started, or its database or its machine was away.",
        remedy=f"Try again in {seconds_to_know(control)} seconds: a host that lives has reported by then.",
        code="host-not-heard",
    )
