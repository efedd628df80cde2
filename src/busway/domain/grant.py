"""What stands between a claim and a guest: the grant in the Desired document, the holding on the host, the attachment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from busway.domain.ids import ClaimId, ServerId, UnitName
from busway.domain.units.unit import Unit

NO_CLAIM = ClaimId("")


@dataclass(frozen=True, slots=True)
class Grant:
    """A unit that a server has a claim on.

    `port` is the number of the guest's root port at which it is found, the same for the life of the claim. An older
    control plane says neither claim nor port: then ports are counted in the order of the grants. `node` is the NUMA node
    of the host that it is near to, None where that is not known.
    """

    unit: Unit
    claim_id: ClaimId = NO_CLAIM
    port: int | None = None
    node: int | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a step failed on the host: the four fields of the error and the step's name."""

    step: str
    brief: str
    detail: str = ""
    remedy: str = ""
    code: str = "host-error"


@dataclass(frozen=True, slots=True)
class Held:
    """A unit that the agent took (or found free) for a server and has not given back.

    `before` is what it goes back to: for a function its driver, None for no driver. `fault` tells why it could not be
    given back. `claim_id` is "" where an older agent or control plane does not say it.
    """

    server_id: ServerId
    unit: Unit
    before: str | None = None
    fault: Fault | None = None
    claim_id: ClaimId = NO_CLAIM


@dataclass(frozen=True, slots=True)
class Attachment:
    """A unit as a domain names it; the claim is read from the device's alias, "" where there is none."""

    name: UnitName
    claim_id: ClaimId = NO_CLAIM


def attached_names_of(grants: Iterable[Grant]) -> frozenset[UnitName]:
    """The names of what a domain must name of it."""
    return frozenset(grant.unit.name for grant in grants if grant.unit.is_attached)


def names_of(grants: Iterable[Grant]) -> frozenset[UnitName]:
    """The names of what is granted."""
    return frozenset(grant.unit.name for grant in grants)
