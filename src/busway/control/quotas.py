"""Quotas: read, set and forgotten by admins, and held in the transaction that would go over them.

Those of a user in a project are set in `busway.control.user_quotas`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from busway.control import domain_limits
from busway.control.context import Control
from busway.control.images.arriving import count_uploading
from busway.control.networks import quota as network_quota
from busway.control.quota_usage import used_of
from busway.domain.caller import Caller
from busway.domain.errors import BadInput
from busway.domain.ids import ProjectId, UserId
from busway.domain.quota import (
    CLASSES,
    DEVICES,
    OF_IMAGES,
    OF_NETWORKS,
    RESOURCES,
    UNLIMITED,
    Usage,
    check_limits_above_use,
    check_limits_above_users,
    check_quota,
    over_limits,
)
from busway.policy import authorize
from busway.store import projects, user_quotas, users
from busway.store import quotas as store
from busway.store.database import Tx
from busway.store.owners import Owners
from busway.store.quotas import SetLimits


@dataclass(frozen=True, slots=True)
class Quota:
    """The limits and the usage of a project, or of a user in it; -1 means no limit.

    Devices are there where they are limited or used, networks, under Neutron's names, where they were asked for.
    """

    project_id: ProjectId
    limits: Mapping[str, int]
    used: Mapping[str, int]
    user_id: UserId | None = None


def check(
    control: Control,
    tx: Tx,
    project_id: ProjectId,
    wanted: Usage,
    *,
    user_id: UserId | None = None,
    used: Usage | None = None,
    used_by_user: Callable[[UserId], Usage] | None = None,
    own: SetLimits | None = None,
) -> None:
    """Raises `OverQuota` when a project, or the user, would have too much; until the transaction ends, nobody else is let through.

    `user_id` is the user whom the new things belong to, if they are a user's. `used` is what the project's servers and groups take
    up, unless it is given; `used_by_user` is there where the user's part of it is another. `own` are the limits that were set.
    """
    own = store.read_set_limits(tx, project_id, user_id) if own is None else own
    limits, of_user = _limited(_limits(control, project_id, own), wanted), _limited(own.of_user, wanted)
    if not limits and not of_user and not domain_limits.hold(control):
        return
    domain_limits.take_turns(control, tx, [project_id])
    check_quota(limits, used_of(tx, project_id, limits) if used is None else used, wanted)
    if user_id is not None and of_user:
        if used_by_user is not None:
            used = used_by_user(user_id)
        part = used_of(tx, project_id, of_user, user_id) if used is None else used
        if over_limits(of_user, part, wanted):
            check_quota(of_user, part, wanted, user=_name_of(tx, user_id))
    domain_limits.check(
        control, tx, project_id, wanted, lambda: _defaults(control, tx), lambda of: used_of(tx, of, wanted.amounts)
    )


def limit_of(control: Control, tx: Tx, project_id: ProjectId, resource: str) -> int:
    """The limit of one resource of a project; -1 means no limit."""
    return _limits(control, project_id, store.read_set_limits(tx, project_id))[resource]


def limits_on(control: Control, tx: Tx, project_id: ProjectId, resource: str) -> list[tuple[Owners, int]]:
    """Each limit that a project must keep of a resource, with whose amounts it is of: its own, and that of its domain."""
    own: tuple[Owners, int] = project_id, limit_of(control, tx, project_id, resource)
    shared = domain_limits.limit_on(control, tx, project_id, resource, lambda: _defaults(control, tx))
    return [each for each in (own, shared) if each is not None and each[1] != UNLIMITED]


def get_quota(
    control: Control,
    caller: Caller,
    project_id: str,
    rule: str = "busway:quota:show",
    *,
    networks: bool = False,
    images: bool = True,
) -> Quota:
    """A project's quota, for whom a rule permits it; that of images reads the folders of their stores."""
    authorize(caller, rule, {"project_id": project_id})
    with control.db.read() as tx:
        return quota_of(control, tx, ProjectId(project_id), networks=networks, images=images)


def require_project(control: Control, project_id: str) -> None:
    """Raises `BadInput` for a project that does not exist."""
    with control.db.read() as tx:
        find_project(tx, project_id)


def get_defaults(control: Control, *, networks: bool = False) -> dict[str, int]:
    """The limits of projects that have none of their own."""
    with control.db.read() as tx:
        return _defaults(control, tx, networks=networks)


def set_quota(
    control: Control,
    caller: Caller,
    project_id: str,
    limits: Mapping[str, int],
    *,
    networks: bool = False,
    images: bool = True,
    force: bool = False,
    rule: str = "busway:quota:update",
) -> Quota:
    """Sets limits of a project; one below what it uses or its users are given only with `force`, as in Nova.

    With `networks` they may be limits of networks too, for which the network API's rule holds as well.
    """
    authorize(caller, rule, {"project_id": project_id})
    if networks and not OF_NETWORKS.keys().isdisjoint(limits):
        authorize(caller, "update_quota", {"project_id": project_id})
    with control.db.write() as tx:
        project = find_project(tx, project_id)
        check_limits(control, tx, limits, networks=networks)
        domain_limits.check_project_limits(
            control, tx, project, limits, lambda: _defaults(control, tx, networks=networks)
        )
        if not force:
            used = quota_of(control, tx, project, networks=networks, images=images).used
            check_limits_above_use(limits, Usage(used))
            check_limits_above_users(limits, user_quotas.given_to_users(tx, project))
        store.set_limits(tx, project, limits)
        return quota_of(control, tx, project, networks=networks, images=images)


def set_defaults(
    control: Control,
    caller: Caller,
    limits: Mapping[str, int],
    rule: str = "busway:quota-defaults:update",
    *,
    networks: bool = False,
) -> dict[str, int]:
    """Sets the limits of all projects that have none of their own."""
    authorize(caller, rule)
    with control.db.write() as tx:
        check_limits(control, tx, limits, networks=networks)
        store.set_limits(tx, store.EVERYBODY, limits)
        return _defaults(control, tx, networks=networks)


def reset_quota(
    control: Control,
    caller: Caller,
    project_id: str,
    rule: str = "busway:quota:delete",
    *,
    of_networks: Collection[str] = (),
    keeping: Collection[str] = (),
) -> None:
    """Takes a project's own limits away, of networks these only: those of all projects hold for it. Those of `keeping` stay.

    Its users' limits go too, as in Nova.
    """
    authorize(caller, rule, {"project_id": project_id})
    if of_networks:
        authorize(caller, "delete_quota", {"project_id": project_id})
    with control.db.write() as tx:
        kept = {*OF_NETWORKS, *keeping} - set(of_networks)
        project = find_project(tx, project_id)
        store.forget_limits(tx, project, keeping=kept)
        user_quotas.forget_user_limits(tx, project)


def project_of(control: Control, caller: Caller, name: str) -> ProjectId:
    """The id of a project by its name or id; the caller's own for an empty name."""
    if not name:
        return caller.project_id
    with control.db.read() as tx:
        found = projects.find_project_by_name(tx, name)
    return found.id if found is not None else ProjectId(name)


def quota_of(
    control: Control,
    tx: Tx,
    project_id: ProjectId,
    *,
    networks: bool = False,
    images: bool = True,
    user_id: UserId | None = None,
) -> Quota:
    """Reads the quota of a project, or of a user in it, who has the project's limits but for those of their own.

    A user's usage is that of their own servers and groups. They have no quota of images; that of networks is the project's.
    """
    own = store.read_set_limits(tx, project_id, user_id)
    limits = {**_limits(control, project_id, own), **own.of_user}
    if user_id is not None or not images:
        limits = {name: limit for name, limit in limits.items() if name not in OF_IMAGES}
    used = dict(used_of(tx, project_id, {*limits, DEVICES}, user_id).amounts)
    if "image_count_uploading" in limits:
        used["image_count_uploading"] = count_uploading(control, tx, project_id)
    if networks:
        limits |= network_quota.limits_of(tx, project_id)
        used |= network_quota.used(tx, project_id)
    devices = {name: UNLIMITED for name in used if name.startswith((DEVICES, CLASSES))}
    return Quota(project_id, devices | limits, {name: used.get(name, 0) for name in devices | limits}, user_id)


def all_defaults(control: Control, tx: Tx) -> dict[str, int]:
    """The limits of projects that have none of their own, with one of each alias and resource class."""
    return dict.fromkeys(_of_devices(control, tx), UNLIMITED) | _defaults(control, tx)


def _defaults(control: Control, tx: Tx, *, networks: bool = False) -> dict[str, int]:
    known = _configured(control) | _not_of_networks(store.list_limits(tx, store.EVERYBODY))
    return known | network_quota.defaults(tx) if networks else known


def _not_of_networks(limits: Mapping[str, int]) -> dict[str, int]:
    """Without those that `busway.control.networks.quota` holds; all are in one table."""
    return {name: limit for name, limit in limits.items() if name not in OF_NETWORKS}


def _of_devices(control: Control, tx: Tx) -> list[str]:
    aliases = [f"{DEVICES}{name}" for name in control.pci_rules(tx).aliases]
    return [*aliases, *(f"{CLASSES}{name}" for name in sorted(control.settings.mdev_rules.classes))]


def _configured(control: Control) -> dict[str, int]:
    return dict.fromkeys(RESOURCES, UNLIMITED) | dict(control.settings.quota)


def _limits(control: Control, project_id: ProjectId, own: SetLimits) -> dict[str, int]:
    of = own.by_owner
    return _configured(control) | _not_of_networks({**of[store.EVERYBODY], **of[project_id]})


def _limited(limits: Mapping[str, int], wanted: Usage) -> dict[str, int]:
    return {name: limit for name, limit in limits.items() if name in wanted.amounts and limit != UNLIMITED}


def _name_of(tx: Tx, user_id: UserId) -> str:
    user = users.find_user(tx, user_id)
    return user_id if user is None else user.name


def find_project(tx: Tx, project_id: str) -> ProjectId:
    """Returns the id of a project; raises `BadInput`, as Nova does, where there is none."""
    project = projects.find_project(tx, project_id)
    if project is None:
        raise BadInput(
            f"Project ID {project_id} is not a valid project.",
            remedy="List projects: `openstack project list`.",
            code="quota-project",
        )
    return project.id


def check_limits(control: Control, tx: Tx, limits: Mapping[str, int], *, networks: bool = False) -> None:
    """Raises `BadInput` for what is no quota, or no limit."""
    aliases = _of_devices(control, tx)
    for name, limit in limits.items():
        if name not in RESOURCES and name not in aliases and not (networks and name in OF_NETWORKS):
            raise BadInput(
                f"There is no quota {name}",
                detail=f"The quotas are {', '.join([*RESOURCES, *aliases])}.",
                remedy="Choose one of these.",
                code="quota-resource",
            )
        if limit < UNLIMITED:
            raise BadInput(
                f"{limit} is not a valid limit of {name}",
                remedy="Use -1 for no limit, or a number from 0.",
                code="quota-limit",
            )
