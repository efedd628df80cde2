"""Quotas: read, set and forgotten by admins, and held in the transaction that would go over them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from busway.control import domain_limits
from busway.control.context import Control
from busway.control.networks import quota as network_quota
from busway.domain.caller import Caller
from busway.domain.errors import BadInput
from busway.domain.ids import ProjectId
from busway.domain.quota import (
    CLASSES,
    DEVICES,
    OF_NETWORKS,
    RESOURCES,
    UNLIMITED,
    Usage,
    check_limits_above_use,
    check_quota,
    usage_of,
)
from busway.policy import authorize
from busway.store import groups, images, kept_devices, projects, servers
from busway.store import quotas as store
from busway.store.database import Tx
from busway.store.owners import Owners


@dataclass(frozen=True, slots=True)
class Quota:
    """The limits and the usage of a project; -1 means no limit. Devices are there where they are limited or used.

    Networks, under Neutron's names, are there where they were asked for.
    """

    project_id: ProjectId
    limits: Mapping[str, int]
    used: Mapping[str, int]


def check(
    control: Control,
    tx: Tx,
    project_id: ProjectId,
    wanted: Usage,
    *,
    used: Usage | None = None,
    own: Mapping[str, Mapping[str, int]] | None = None,
) -> None:
    """Raises `OverQuota` when a project would have too much; until the transaction ends, nobody else is let through.

    `used` is what the project's servers and groups take up, unless it is given; `own` are the limits that were set, by owner.
    """
    known = _limits(control, tx, project_id, own)
    limits = {name: limit for name, limit in known.items() if name in wanted.amounts}
    if all(limit == UNLIMITED for limit in limits.values()) and not domain_limits.hold(control):
        return
    domain_limits.take_turns(control, tx, [project_id])
    check_quota(limits, _used(tx, project_id) if used is None else used, wanted)
    domain_limits.check(control, tx, project_id, wanted, lambda: _defaults(control, tx), lambda of: _used(tx, of))


def limit_of(control: Control, tx: Tx, project_id: ProjectId, resource: str) -> int:
    """The limit of one resource of a project; -1 means no limit."""
    return _limits(control, tx, project_id)[resource]


def limits_on(control: Control, tx: Tx, project_id: ProjectId, resource: str) -> list[tuple[Owners, int]]:
    """Each limit that a project must keep of a resource, with whose amounts it is of: its own, and that of its domain."""
    own: tuple[Owners, int] = project_id, limit_of(control, tx, project_id, resource)
    shared = domain_limits.limit_on(control, tx, project_id, resource, lambda: _defaults(control, tx))
    return [each for each in (own, shared) if each is not None and each[1] != UNLIMITED]


def get_quota(
    control: Control, caller: Caller, project_id: str, rule: str = "busway:quota:show", *, networks: bool = False
) -> Quota:
    """A project's quota, for whom a rule permits it."""
    authorize(caller, rule, {"project_id": project_id})
    with control.db.read() as tx:
        return _quota(control, tx, ProjectId(project_id), networks=networks)


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
    force: bool = False,
    rule: str = "busway:quota:update",
) -> Quota:
    """Sets limits of a project; one below what is used already only with `force`, as in Nova.

    With `networks` they may be limits of networks too, for which the network API's rule holds as well.
    """
    authorize(caller, rule, {"project_id": project_id})
    if networks and not OF_NETWORKS.keys().isdisjoint(limits):
        authorize(caller, "update_quota", {"project_id": project_id})
    with control.db.write() as tx:
        project = _project(tx, project_id)
        _check_limits(control, tx, limits, networks=networks)
        domain_limits.check_project_limits(
            control, tx, project, limits, lambda: _defaults(control, tx, networks=networks)
        )
        if not force:
            check_limits_above_use(limits, Usage(_quota(control, tx, project, networks=networks).used))
        store.set_limits(tx, project, limits)
        return _quota(control, tx, project, networks=networks)


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
        _check_limits(control, tx, limits, networks=networks)
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
    """Takes a project's own limits away, of networks these only: those of all projects hold for it. Those of `keeping` stay."""
    authorize(caller, rule, {"project_id": project_id})
    if of_networks:
        authorize(caller, "delete_quota", {"project_id": project_id})
    with control.db.write() as tx:
        kept = {*OF_NETWORKS, *keeping} - set(of_networks)
        store.forget_limits(tx, _project(tx, project_id), keeping=kept)


def project_of(control: Control, caller: Caller, name: str) -> ProjectId:
    """The id of a project by its name or id; the caller's own for an empty name."""
    if not name:
        return caller.project_id
    with control.db.read() as tx:
        found = projects.find_project_by_name(tx, name)
    return found.id if found is not None else ProjectId(name)


def _quota(control: Control, tx: Tx, project_id: ProjectId, *, networks: bool = False) -> Quota:
    limits = _limits(control, tx, project_id)
    used = dict(_used(tx, project_id).amounts)
    if networks:
        limits |= network_quota.limits_of(tx, project_id)
        used |= network_quota.used(tx, project_id)
    devices = {name: UNLIMITED for name in used if name.startswith((DEVICES, CLASSES))}
    return Quota(project_id, devices | limits, {name: used.get(name, 0) for name in devices | limits})


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


def _limits(
    control: Control, tx: Tx, project_id: ProjectId, own: Mapping[str, Mapping[str, int]] | None = None
) -> dict[str, int]:
    own = store.limits_of(tx, [store.EVERYBODY, project_id]) if own is None else own
    return _configured(control) | _not_of_networks({**own[store.EVERYBODY], **own[project_id]})


def _used(tx: Tx, of: Owners) -> Usage:
    others = {
        "server_groups": groups.count_groups(tx, of),
        "image_count_total": images.count_images(tx, of),
        "image_size_total": -(-images.sum_sizes(tx, of) // 1024**2),
        "image_stage_total": -(-images.sum_sizes(tx, of, is_staged=True) // 1024**2),
    }
    kept = {f"{DEVICES}{alias}": count for alias, count in kept_devices.count_kept(tx, of).items()}
    in_use = servers.list_flavors_in_use(tx, of)
    # A soft-deleted server is no instance, as in Nova; the rest is counted as long as it keeps it.
    gone = Usage({"instances": sum(each.is_kept for each in in_use)})
    return usage_of(each.flavor for each in in_use) - gone + Usage(others) + Usage(kept)


def _project(tx: Tx, project_id: str) -> ProjectId:
    project = projects.find_project(tx, project_id)
    if project is None:
        raise BadInput(
            f"Project ID {project_id} is not a valid project.",
            remedy="List projects: `openstack project list`.",
            code="quota-project",
        )
    return project.id


def _check_limits(control: Control, tx: Tx, limits: Mapping[str, int], *, networks: bool) -> None:
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
