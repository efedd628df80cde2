"""Hosts that a server can't be moved to whatever room they have, each with its reason: a refusal lists them beside the scheduler's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from busway.domain.ids import HostId
from busway.domain.placement import HostState, Refusal, RefusedHosts, Snapshot
from busway.scheduler.explain import AGENT_VERSION, GUEST_KIND
from busway.store.hosts import HostRow


class LeftOut(NamedTuple):
    """Why a host is no choice: the rule, as a refusal counts it, and the reason in words."""

    rule: str
    reason: str


Unfit = Mapping[HostId, LeftOut]


def too_old(host: HostRow, act: str, whose: str = "its agent") -> LeftOut:
    """The reason of a host whose agent does not report that it can do what is needed: "take part in a live migration"."""
    version = f" (version {host.agent_version})" if host.agent_version else ""
    return LeftOut(AGENT_VERSION, f"{whose}{version} is too old to {act}")


def other_kind(reason: str) -> LeftOut:
    """The reason of a host on which a guest that runs could not continue."""
    return LeftOut(GUEST_KIND, reason)


def with_left_out(refusal: Refusal, snapshot: Snapshot, unfit: Unfit) -> Refusal:
    """Returns the refusal with the hosts that were left out before all others."""
    found: dict[LeftOut, list[HostState]] = {}
    for host in snapshot.hosts:
        if host.id in unfit:
            found.setdefault(unfit[host.id], []).append(host)
    told = tuple(RefusedHosts(tuple(several), why.rule, why.reason) for why, several in found.items())
    return replace(refusal, classes=(*told, *refusal.classes))
