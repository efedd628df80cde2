"""The use cases of limits: Keystone's API for the quotas of projects and domains.

A registered limit is the default of one resource for all projects. A limit is the quota of one project or domain.
-1 is no limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from busway.control import domain_limits, quotas
from busway.control.context import Control
from busway.control.identity.service_catalog import fixed_id
from busway.control.identity.tree import TURN
from busway.control.networks import quota as network_quotas
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, Forbidden, NotFound
from busway.domain.identity import Project
from busway.domain.limit import Counted, Limit, RegisteredLimit, counted_as, quota_of
from busway.domain.quota import adds_up
from busway.policy import allows, authorize
from busway.store import projects, service_catalog
from busway.store import quotas as store
from busway.store.database import Tx, take_turn
from busway.store.quotas import EVERYBODY, LimitFilter

SERVICES = ("compute", "image", "network")


@dataclass(frozen=True, slots=True)
class NewLimit:
    """A limit that is to be set: a resource of a service and its number.

    It is of the project or domain whose id is given; without an id it is a registered limit.
    """

    service_id: str
    name: str
    limit: int
    project_id: str = ""
    domain_id: str = ""
    region_id: str | None = None
    description: str | None = None


def service_ids(control: Control) -> dict[str, str]:
    """Returns the catalog ids of the services whose resources are counted, by service type."""
    with control.db.read() as tx:
        return _service_ids(tx)


def list_registered(control: Control, caller: Caller) -> list[RegisteredLimit]:
    """Lists the registered limits: the default of each resource that Busway counts."""
    authorize(caller, "identity:list_registered_limits")
    with control.db.read() as tx:
        return _registered(control, tx)


def get_registered(control: Control, caller: Caller, known_id: str) -> RegisteredLimit:
    """Returns one registered limit by its id; raises `NotFound`."""
    authorize(caller, "identity:get_registered_limit")
    with control.db.read() as tx:
        return _get_registered(control, tx, known_id)


def create_registered(control: Control, caller: Caller, asked: Sequence[NewLimit]) -> list[RegisteredLimit]:
    """Sets defaults that replace those of the configuration; all or none. Raises `Conflict` for one that is set."""
    authorize(caller, "identity:create_registered_limits")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        known = {each.counted.quota: each for each in _registered(control, tx)}
        made = []
        for each in asked:
            counted = _counted(control, tx, each, list(known))
            if known[counted.quota].is_set or counted in made:
                raise Conflict(
                    f"The limit of {counted.name} is registered already",
                    remedy=f"Change it: openstack registered limit set {counted.id}",
                    code="limit-exists",
                )
            _set(tx, EVERYBODY, counted, each.limit, each.description)
            made.append(counted)
        return [_get_registered(control, tx, each.id) for each in made]


def update_registered(
    control: Control, caller: Caller, known_id: str, limit: int | None, description: str | None
) -> RegisteredLimit:
    """Changes a registered limit; None leaves a field unchanged."""
    authorize(caller, "identity:update_registered_limit")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        known = _get_registered(control, tx, known_id)
        text = known.description if description is None else description
        _set(tx, EVERYBODY, known.counted, known.default if limit is None else limit, text)
        return _get_registered(control, tx, known_id)


def delete_registered(control: Control, caller: Caller, known_id: str) -> None:
    """Removes a registered limit, so that the configuration applies again; raises `Forbidden` if none was set."""
    authorize(caller, "identity:delete_registered_limit")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        known = _get_registered(control, tx, known_id)
        if not known.is_set:
            raise Forbidden(
                f"The limit of {known.counted.name} is that of the configuration, and stays",
                remedy=f"Set it to -1 for no limit: openstack registered limit set --default-limit -1 {known_id}",
                code="limit-built-in",
            )
        store.forget_limit(tx, EVERYBODY, known.counted.quota)


def list_limits(control: Control, caller: Caller, wanted: LimitFilter) -> list[Limit]:
    """Lists the limits of projects and domains that match a filter and that the caller may see."""
    authorize(caller, "identity:list_limits")
    if not allows(caller, "identity:get_limit", {"target.limit.project_id": "", "target.limit.domain_id": ""}):
        if caller.domain_id:
            wanted = replace(wanted, within=caller.domain_id)
        elif wanted.project_id not in (None, caller.project_id) or wanted.domain_id or not caller.project_id:
            return []
        else:
            wanted = replace(wanted, project_id=caller.project_id)
    with control.db.read() as tx:
        return store.list_limits_of_owners(tx, wanted)


def get_limit(control: Control, caller: Caller, known_id: str) -> Limit:
    """Returns one limit of a project or domain by its id; raises `NotFound`."""
    with control.db.read() as tx:
        found = store.find_limit(tx, known_id)
        owner = projects.find_project(tx, found.owner) if found else None
        target = {
            "target.limit.project_id": (found.project_id if found else None) or "",
            "target.limit.domain_id": "" if owner is None else owner.id if owner.is_domain else owner.domain_id,
        }
    authorize(caller, "identity:get_limit", target)
    if found is None:
        raise _missing(known_id)
    return found


def create_limits(control: Control, caller: Caller, asked: Sequence[NewLimit]) -> list[Limit]:
    """Sets limits of projects and domains, all or none; returns them in the order of the request.

    Those of domains are set first, because no project may have a higher limit than its domain.
    """
    authorize(caller, "identity:create_limits")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        known = {each.counted.quota: each.default for each in _registered(control, tx)}
        made = {
            index: _create(control, tx, asked[index], known)
            for index in sorted(range(len(asked)), key=lambda at: not asked[at].domain_id)
        }
        return [made[index] for index in range(len(asked))]


def update_limit(control: Control, caller: Caller, known_id: str, limit: int | None, description: str | None) -> Limit:
    """Changes a limit; None leaves a field unchanged. Resources that exceed the new limit stay."""
    authorize(caller, "identity:update_limit")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        known = _get(tx, known_id)
        changed = replace(
            known,
            limit=known.limit if limit is None else limit,
            description=known.description if description is None else description,
        )
        defaults = {each.counted.quota: each.default for each in _registered(control, tx)}
        _check_level(control, tx, projects.get_project(tx, known.owner), known.counted, changed.limit, defaults)
        _set(tx, known.owner, known.counted, changed.limit, changed.description)
    return changed


def delete_limit(control: Control, caller: Caller, known_id: str) -> None:
    """Removes a limit of a project or domain: the registered limit applies to it again."""
    authorize(caller, "identity:delete_limit")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        known = _get(tx, known_id)
        store.forget_limit(tx, known.owner, known.counted.quota)


def _create(control: Control, tx: Tx, asked: NewLimit, known: Mapping[str, int]) -> Limit:
    owner = _owner(control, tx, asked)
    counted = _counted(control, tx, asked, list(known))
    known_id = store.limit_id(owner.id, counted.quota)
    made = Limit(known_id, owner.id, counted, asked.limit, asked.description, is_of_domain=owner.is_domain)
    if store.find_limit(tx, made.id) is not None:
        raise Conflict(
            f"{'Domain' if owner.is_domain else 'Project'} {owner.name} has a limit of {counted.name} already",
            remedy=f"Change it: openstack limit set {made.id}",
            code="limit-exists",
        )
    _check_level(control, tx, owner, counted, asked.limit, known)
    _set(tx, owner.id, counted, asked.limit, asked.description)
    return made


def _owner(control: Control, tx: Tx, asked: NewLimit) -> Project:
    """Returns the project or domain of a limit; raises `BadInput` for a domain in the flat model."""
    if not asked.domain_id:
        project = projects.get_project(tx, asked.project_id)
        if project.is_domain:
            raise BadInput(
                f"{project.name} is a domain, and no project",
                remedy="Name it as domain_id, or name a project.",
                code="limit-domain",
            )
        return project
    domain = projects.get_domain(tx, asked.domain_id)
    if not domain_limits.hold(control):
        raise BadInput(
            "Limits are of projects in this cloud, not of domains",
            detail="Its model is flat: nothing counts what the projects of a domain have together.",
            remedy="Set a limit for each project, or ask the operator to set `enforcement_model = strict_two_level` in "
            "the section [unified_limit] of the configuration.",
            code="limit-domain",
        )
    return domain


def _check_level(
    control: Control, tx: Tx, owner: Project, counted: Counted, limit: int, defaults: Mapping[str, int]
) -> None:
    """Raises `BadInput` if a project would have a higher limit than its domain, or if the resource can't be summed."""
    if not owner.is_domain:
        domain_limits.check_project_limits(control, tx, owner.id, {counted.quota: limit}, lambda: defaults)
        return
    if not adds_up(counted.quota):
        raise BadInput(
            f"A domain has no limit of {counted.name}",
            detail="It is not a sum over the projects of the domain: it is of one server, one user, one group or one moment.",
            remedy="Set it for a project, or for all of them: openstack registered limit set",
            code="limit-domain",
        )
    domain_limits.check_domain_limit(tx, owner, counted.quota, limit)


def _counted(control: Control, tx: Tx, asked: NewLimit, known: list[str]) -> Counted:
    """Returns the resource of a request; raises `Forbidden` if Busway does not count it."""
    region = control.settings.region
    if asked.region_id not in (None, region):
        raise BadInput(
            f"Busway counts in region {region} only, not in {asked.region_id}",
            remedy="Name that region, or none.",
            code="limit-region",
        )
    kinds = {known_id: kind for kind, known_id in _service_ids(tx).items()}
    kind = kinds.get(asked.service_id, "")
    counted = counted_as(quota_of(kind, asked.name))
    if counted.quota not in known or counted.service != kind:
        names = sorted(each.name for each in map(counted_as, known) if each.service == kind)
        raise Forbidden(
            f"There is no registered limit of {asked.name} for service {asked.service_id}",
            detail=f"Busway counts there: {', '.join(names) or '(nothing)'}.",
            remedy="Choose one of these: openstack registered limit list",
            code="limit-resource",
        )
    return counted


def _registered(control: Control, tx: Tx) -> list[RegisteredLimit]:
    own = store.list_limits(tx, EVERYBODY)
    descriptions = store.list_descriptions(tx, EVERYBODY)
    return [
        RegisteredLimit(counted_as(quota), limit, descriptions.get(quota), quota in own)
        for quota, limit in {**quotas.all_defaults(control, tx), **network_quotas.defaults(tx)}.items()
    ]


def _get_registered(control: Control, tx: Tx, known_id: str) -> RegisteredLimit:
    for each in _registered(control, tx):
        if each.counted.id == known_id:
            return each
    raise NotFound(
        f"Could not find registered limit: {known_id}",
        remedy="List them: openstack registered limit list",
        code="limit-not-found",
    )


def _get(tx: Tx, known_id: str) -> Limit:
    found = store.find_limit(tx, known_id)
    if found is None:
        raise _missing(known_id)
    return found


def _set(tx: Tx, owner: str, counted: Counted, limit: int, description: str | None) -> None:
    store.set_limits(tx, owner, {counted.quota: limit})
    store.describe(tx, owner, counted.quota, description)


def _service_ids(tx: Tx) -> dict[str, str]:
    found = {kind: service_catalog.list_services(tx, service_catalog.ServiceFilter(kind)) for kind in SERVICES}
    return {kind: known[0].id if known else fixed_id("service", kind) for kind, known in found.items()}


def _missing(known_id: str) -> NotFound:
    return NotFound(
        f"Could not find limit: {known_id}", remedy="List them: openstack limit list", code="limit-not-found"
    )
