"""The use cases of domains. A domain contains projects, users, groups and roles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from busway.control.context import Control
from busway.control.identity.projects import change
from busway.control.identity.tree import TURN, check_admin_left, check_mutable
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Forbidden
from busway.domain.identity import DOMAIN_ID, Project
from busway.domain.ids import ProjectId
from busway.policy import authorize
from busway.store import assignments, quotas, roles, user_groups, users
from busway.store import projects as store
from busway.store.database import take_turn
from busway.store.identity_tokens import revoke_tokens_within
from busway.store.projects import ProjectFilter

_DOMAINS = ProjectFilter(is_domain=True)


def list_domains(control: Control, caller: Caller, wanted: ProjectFilter = _DOMAINS) -> list[Project]:
    """Lists the domains that match a filter; with a token of a domain, only that one."""
    authorize(caller, "identity:list_domains", {"target.domain.id": caller.domain_id})
    only = {caller.domain_id} if caller.domain_id else None
    with control.db.read() as tx:
        return store.list_projects(tx, replace(wanted, is_domain=True, ids=only))


def list_own_domains(control: Control, caller: Caller) -> list[Project]:
    """Lists the enabled domains on which the caller has a role."""
    authorize(caller, "identity:get_auth_domains")
    with control.db.read() as tx:
        ids = assignments.list_domain_ids(tx, caller.user_id)
        return store.list_projects(tx, ProjectFilter(is_domain=True, enabled=True, ids=ids))


def get_domain(control: Control, caller: Caller, domain_id: str) -> Project:
    """Returns one domain by its id; raises `NotFound`."""
    authorize(caller, "identity:get_domain", {"target.domain.id": domain_id})
    with control.db.read() as tx:
        return store.get_domain(tx, domain_id)


def create_domain(control: Control, caller: Caller, domain: Project, explicit_id: str | None = None) -> Project:
    """Creates a domain, with a new id unless one is given."""
    authorize(caller, "identity:create_domain")
    made = replace(domain, id=ProjectId(explicit_id or control.new_id().replace("-", "")))
    with control.db.write() as tx:
        take_turn(tx, TURN)
        if store.find_project(tx, made.id) is not None:
            raise BadInput(f"Something has the id {made.id} already", code="domain-id")
        store.add_project(tx, made)
    return made


def update_domain(control: Control, caller: Caller, domain_id: str, changes: dict[str, Any]) -> Project:
    """Changes a domain; disabling it revokes all tokens of its users and of its projects."""
    authorize(caller, "identity:update_domain")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        domain = change(control, tx, store.get_domain(tx, domain_id), changes)
        if not domain.enabled:
            revoke_tokens_within(tx, domain.id, control.now())
            check_admin_left(tx)
    return domain


def delete_domain(control: Control, caller: Caller, domain_id: str) -> None:
    """Deletes a disabled domain with its projects, users, groups and roles.

    Servers, images and networks of its projects stay until an admin deletes them.
    """
    authorize(caller, "identity:delete_domain")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        domain = store.get_domain(tx, domain_id)
        check_mutable(domain, None)
        if domain.id == DOMAIN_ID:
            raise Forbidden(
                f"Domain {domain.name} is where everybody is who names no domain, and stays", code="default-domain"
            )
        if domain.enabled:
            raise Forbidden(
                f"Domain {domain.name} is enabled",
                detail="Its users and projects would go with it.",
                remedy=f"Disable it first: openstack domain set --disable {domain.name}",
                code="domain-enabled",
            )
        revoke_tokens_within(tx, domain.id, control.now())
        users.delete_users_of(tx, domain.id)
        assignments.forget_groups_of(tx, domain.id)
        user_groups.delete_groups_of(tx, domain.id)
        roles.delete_roles_of(tx, domain.id)
        assignments.forget_place(tx, domain.id)
        quotas.forget_limits_within(tx, domain.id)
        store.delete_project(tx, domain.id)
