"""Limits of domains, each for all projects of its domain together; in the model of two levels only.

Below a domain every project counts, however deep it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from busway.control.context import Control
from busway.domain.errors import Forbidden
from busway.domain.identity import Project
from busway.domain.limit import TWO_LEVELS
from busway.domain.quota import UNLIMITED, Usage, adds_up, check_quota
from busway.store import projects, quotas
from busway.store.database import Tx, take_turn
from busway.store.owners import Owners

# Reads the limits of whom none of its own was given; called in the model of two levels only.
Defaults = Callable[[], Mapping[str, int]]


def hold(control: Control) -> bool:
    """True in the model of two levels."""
    return control.settings.enforcement_model == TWO_LEVELS


def take_turns(control: Control, tx: Tx, project_ids: Iterable[str]) -> None:
    """Waits until nobody else adds to what projects have, until the transaction ends.

    The turns of their domains come first, so that two transactions never wait for each other.
    """
    asked = sorted(set(project_ids))
    take_domain_turns(control, tx, asked)
    for project_id in asked:
        take_turn(tx, f"quota:{project_id}")


def take_domain_turns(control: Control, tx: Tx, project_ids: Iterable[str]) -> None:
    """Takes the turns of the projects' domains only, for callers that lock the projects in another way."""
    if hold(control):
        for domain_id in sorted({domain.id for each in project_ids if (domain := _domain_of(tx, each))}):
            take_turn(tx, f"quota:{domain_id}")


def check(
    control: Control,
    tx: Tx,
    project_id: str,
    wanted: Usage,
    defaults: Defaults,
    used: Callable[[Owners], Usage],
) -> None:
    """Raises `OverQuota` when the projects of a project's domain would have too much together.

    The caller has the turn of the domain (`take_turns`).
    """
    domain = _domain_of(tx, project_id) if hold(control) else None
    if domain is None:
        return
    limits = {name: limit for name, limit in _limits(tx, domain.id, defaults).items() if name in wanted.amounts}
    if any(limit != UNLIMITED for limit in limits.values()):
        check_quota(limits, used(projects.ids_in_domain(domain.id)), wanted, domain.name)


def limit_on(control: Control, tx: Tx, project_id: str, resource: str, defaults: Defaults) -> tuple[Owners, int] | None:
    """The projects that share a limit of a resource with a project, and that limit; None where there is none."""
    domain = _domain_of(tx, project_id) if hold(control) else None
    limit = UNLIMITED if domain is None else _limits(tx, domain.id, defaults).get(resource, UNLIMITED)
    return None if domain is None or limit == UNLIMITED else (projects.ids_in_domain(domain.id), limit)


def check_project_limits(
    control: Control, tx: Tx, project_id: str, limits: Mapping[str, int], defaults: Defaults
) -> None:
    """Raises `Forbidden` when a project would have a higher limit of its own than its domain."""
    domain = _domain_of(tx, project_id) if hold(control) else None
    if domain is None:
        return
    above = _limits(tx, domain.id, defaults)
    for name, limit in limits.items():
        most = above.get(name, UNLIMITED)
        if most != UNLIMITED and (limit == UNLIMITED or limit > most):
            raise Forbidden(
                f"A project of domain {domain.name} can't have a limit of {limit} for {name}",
                detail=f"The limit of the domain is {most}, and that of a project is never higher.",
                remedy=f"Choose {most} or less, or raise the limit of the domain first.",
                code="limit-above-domain",
            )


def check_domain_limit(tx: Tx, domain: Project, resource: str, limit: int) -> None:
    """Raises `Forbidden` when a project of a domain would have a higher limit of its own than the domain."""
    if limit == UNLIMITED:
        return
    found = quotas.find_highest_within(tx, domain.id, resource)
    if found is not None and (found.limit == UNLIMITED or found.limit > limit):
        raise Forbidden(
            f"Domain {domain.name} can't have a limit of {limit} for {found.counted.name}",
            detail=f"Project {found.owner} has a limit of {found.limit} of its own, and that of a project is never higher.",
            remedy=f"Lower that limit first: openstack limit set --resource-limit {limit} {found.id}",
            code="limit-below-project",
        )


def _domain_of(tx: Tx, project_id: str) -> Project | None:
    return projects.find_domain_of(tx, project_id)


def _limits(tx: Tx, domain_id: str, defaults: Defaults) -> dict[str, int]:
    known = {**defaults(), **quotas.list_limits(tx, domain_id)}
    return {name: limit for name, limit in known.items() if adds_up(name)}
