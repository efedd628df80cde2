"""The use cases of security groups and rules. Hosts apply changes to running guests at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from busway.control.context import Control
from busway.control.networks import quota
from busway.control.networks.access import missing, scope, visible_group, visible_rule
from busway.control.networks.changes import tell_hosts
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict
from busway.domain.ids import ProjectId, SecurityGroupId, ServerId
from busway.domain.security_group import (
    DEFAULT,
    SecurityGroup,
    SecurityRule,
    check_rule,
    default_group_id,
    remote_network,
    rules_at_birth,
)
from busway.policy import authorize
from busway.store import ports
from busway.store import security_groups as store
from busway.store.database import Tx
from busway.store.network_list import EVERY_NETWORK, NetworkFilter
from busway.store.security_group_list import list_group_page, list_rule_page


@dataclass(frozen=True, slots=True)
class NewRule:
    """The fields of a rule that is to be created; None matches everything. Another `owner` than the group's is refused."""

    group_id: str
    direction: str
    ethertype: str = "IPv4"
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    remote_cidr: str | None = None
    remote_group: str | None = None
    description: str = ""
    owner: str | None = None


def default_group(control: Control, tx: Tx, project_id: ProjectId) -> SecurityGroup:
    """Returns the default group of a project; creates it if it is missing, as Neutron does."""
    group_id = default_group_id(project_id)
    if found := store.get_groups(tx, [group_id]):
        return found[0]
    return _make_default(control, tx, project_id, group_id)


def default_id(control: Control, tx: Tx, project_id: ProjectId, *, exists: bool | None = None) -> SecurityGroupId:
    """Returns the id of the default group; `exists` skips the query if the caller knows that there is one."""
    group_id = default_group_id(project_id)
    there = store.has_group(tx, group_id) if exists is None else exists
    return group_id if there else _make_default(control, tx, project_id, group_id).id


def _make_default(control: Control, tx: Tx, project_id: ProjectId, group_id: SecurityGroupId) -> SecurityGroup:
    quota.take_projects(control, tx, [project_id])
    if found := store.get_groups(tx, [group_id]):
        return found[0]
    now = control.now()
    rules = rules_at_birth(group_id, now, default=True)
    made = SecurityGroup(group_id, project_id, DEFAULT, now, "Default security group", rules)
    store.add_group(tx, made)
    return made


def list_groups(control: Control, caller: Caller, wanted: NetworkFilter = EVERY_NETWORK) -> list[SecurityGroup]:
    """Lists the groups of the caller's project that match a filter, its default group included; for an admin, those of all projects."""
    _ensure_default(control, caller)
    with control.db.read() as tx:
        return list_group_page(tx, replace(wanted, project_id=scope(caller) or wanted.project_id))


def get_groups(control: Control, caller: Caller, group_ids: Collection[str]) -> list[SecurityGroup]:
    """Returns those of some groups that the caller sees, oldest first."""
    with control.db.read() as tx:
        found = store.get_groups(tx, group_ids)
    seen = [group for group in found if caller.may_see(group.project_id)]
    return sorted(seen, key=lambda group: (group.created, group.id))


def get_group(control: Control, caller: Caller, group_id: str) -> SecurityGroup:
    """Returns one group; raises `NotFound`."""
    if group_id == default_group_id(caller.project_id):
        _ensure_default(control, caller)
    with control.db.read() as tx:
        return visible_group(tx, caller, group_id)


def remote_names(control: Control, groups: Iterable[SecurityGroup]) -> dict[str, str]:
    """Returns the names of the groups that the rules of these groups name."""
    named = {rule.remote_group for group in groups for rule in group.rules if rule.remote_group}
    with control.db.read() as tx:
        return store.group_names(tx, named) if named else {}


def _ensure_default(control: Control, caller: Caller) -> None:
    """Makes the default group of the caller's project, if it is missing."""
    if not caller.project_id:
        return
    with control.db.read() as tx:
        there = store.has_group(tx, default_group_id(caller.project_id))
    if not there:
        with control.db.write() as tx:
            default_group(control, tx, caller.project_id)


def names_of(control: Control, server_ids: Sequence[ServerId]) -> dict[ServerId, tuple[str, ...]]:
    """Returns the names of the groups of each server's ports; servers without groups are omitted."""
    with control.db.read() as tx:
        held = ports.server_ports(tx, server_ids)
        ids = {group for each in held.values() for port in each for group in port.groups}
        names = {group.id: group.name for group in store.get_groups(tx, ids)}
    found = {server: {names[group] for port in each for group in port.groups} for server, each in held.items()}
    return {server: tuple(sorted(groups)) for server, groups in found.items() if groups}


def create_group(
    control: Control, caller: Caller, name: str, description: str = "", project_id: ProjectId | None = None
) -> SecurityGroup:
    """Creates a group that permits all outgoing and no incoming traffic."""
    owner = project_id or caller.project_id
    authorize(caller, "create_security_group", {"project_id": owner})
    if name.lower() == DEFAULT:
        raise Conflict("Default security group already exists", remedy="Choose another name.", code="group-default")
    group_id, now = SecurityGroupId(control.new_id()), control.now()
    rules = rules_at_birth(group_id, now, default=False)
    made = SecurityGroup(group_id, owner, name, now, description, rules)
    with control.db.write() as tx:
        default_group(control, tx, owner)
        quota.check(control, tx, owner, "security_group")
        quota.check(control, tx, owner, "security_group_rule", len(rules))
        store.add_group(tx, made)
    return made


def update_group(
    control: Control, caller: Caller, group_id: str, *, name: str | None = None, description: str | None = None
) -> SecurityGroup:
    """Changes name or description of a group; None leaves a field unchanged."""
    with control.db.write() as tx:
        known = visible_group(tx, caller, group_id, lock=True)
        if name is not None and name != known.name and DEFAULT in (name, known.name):
            raise Conflict(
                "The default security group can't be renamed, and no other group may have its name",
                code="group-default",
            )
        made = replace(
            known,
            name=known.name if name is None else name,
            description=known.description if description is None else description,
        )
        return store.save_group(tx, made)


def delete_group(control: Control, caller: Caller, group_id: str) -> None:
    """Deletes a group with its rules; raises `Conflict` while a port is in it, and for a default group."""
    with control.db.write() as tx:
        group = visible_group(tx, caller, group_id, lock=True)
        if group.name == DEFAULT and not caller.is_admin:
            raise Conflict("Removing the default security group is not allowed", code="group-default")
        if held := ports.group_ports(tx, [group.id]):
            raise Conflict(
                f"Security group {group.id} is in use by {len(held)} ports",
                remedy="Remove it from them: openstack port unset --security-group GROUP PORT.",
                code="group-in-use",
            )
        store.remove_group(tx, group.id)
        store.note_change(tx, group.project_id, control.now())
    tell_hosts(control)


def list_rules(
    control: Control, caller: Caller, wanted: NetworkFilter = EVERY_NETWORK
) -> list[tuple[ProjectId, SecurityRule]]:
    """Lists the rules of the groups that the caller sees that match a filter, each with its group's project."""
    _ensure_default(control, caller)
    with control.db.read() as tx:
        return list_rule_page(tx, replace(wanted, project_id=scope(caller)))


def get_rule(control: Control, caller: Caller, rule_id: str) -> tuple[ProjectId, SecurityRule]:
    """Returns one rule with its group's project; raises `NotFound`."""
    with control.db.read() as tx:
        return visible_rule(tx, caller, rule_id)


def create_rule(control: Control, caller: Caller, wanted: NewRule) -> tuple[SecurityGroup, SecurityRule]:
    """Adds a rule to a group, and returns both; raises `Conflict` if the group has an equal one."""
    with control.db.write() as tx:
        quota.take_projects(control, tx, [visible_group(tx, caller, wanted.group_id).project_id])
        group = visible_group(tx, caller, wanted.group_id, lock=True)
        if wanted.owner not in (None, "", group.project_id):
            raise BadInput(
                f"A rule is its group's project's, not {wanted.owner}'s",
                detail=f"Security group {group.name} is project {group.project_id}'s.",
                remedy="Leave out the project.",
                code="group-field",
            )
        quota.check(control, tx, group.project_id, "security_group_rule")
        rule = _rule(control, tx, group, wanted)
        for known in group.rules:
            if known.words == rule.words:
                raise Conflict(f"Security group rule already exists. Rule id is {known.id}", code="rule-exists")
        store.add_rule(tx, rule)
        store.note_change(tx, group.project_id, control.now())
    tell_hosts(control)
    return group, rule


def delete_rule(control: Control, caller: Caller, rule_id: str) -> None:
    """Deletes a rule; open connections that it permitted end at once."""
    with control.db.write() as tx:
        owner, rule = visible_rule(tx, caller, rule_id)
        store.remove_rule(tx, rule)
        store.note_change(tx, owner, control.now())
    tell_hosts(control)


def _rule(control: Control, tx: Tx, group: SecurityGroup, wanted: NewRule) -> SecurityRule:
    remote = None
    if wanted.remote_group is not None:
        found = store.get_groups(tx, [wanted.remote_group])
        if not found or found[0].project_id != group.project_id:
            raise missing("security group", wanted.remote_group)
        remote = found[0].id
    cidr = remote_network(wanted.remote_cidr, wanted.ethertype) if wanted.remote_cidr else None
    rule = SecurityRule(
        control.new_id(), group.id, wanted.direction, wanted.ethertype, control.now(), wanted.protocol,
        wanted.port_min, wanted.port_max, cidr, remote, wanted.description,
    )  # fmt: skip
    if wanted.direction not in ("ingress", "egress") or wanted.ethertype not in ("IPv4", "IPv6"):
        raise BadInput("A rule is either ingress or egress, and either IPv4 or IPv6", code="security-rule-direction")
    return check_rule(rule)
