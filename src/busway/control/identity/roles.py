"""The use cases of roles: of the whole cloud or of a domain, and which role implies which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from busway.control.context import Control
from busway.control.identity.tree import TURN, check_admin_left, merged_options, refuse_move
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, Forbidden, NotFound
from busway.domain.identity import ROLE_NAMES, Role
from busway.policy import authorize
from busway.store import roles as store
from busway.store.database import Tx, take_turn
from busway.store.filtered_list import Likeness
from busway.store.projects import get_domain


def list_roles(
    control: Control,
    caller: Caller,
    domain_id: str = "",
    name: str | None = None,
    like: Sequence[Likeness] = (),
) -> list[Role]:
    """Lists the roles of the whole cloud, or those of one domain, by name; only those with this `name`, or one that is `like` it."""
    authorize(caller, "identity:list_domain_roles" if domain_id else "identity:list_roles")
    with control.db.read() as tx:
        return [each for each in store.list_roles(tx, domain_id, like) if name in (None, each.name)]


def get_role(control: Control, caller: Caller, role_id: str) -> Role:
    """Returns one role by its id; raises `NotFound`."""
    with control.db.read() as tx:
        return _permitted(tx, caller, "get", role_id)


def create_role(control: Control, caller: Caller, role: Role) -> Role:
    """Creates a role. It gives no rights unless a rule names it; one of a domain gives those of the roles that it implies."""
    authorize(caller, "identity:create_domain_role" if role.domain_id else "identity:create_role")
    made = replace(role, id=control.new_id().replace("-", ""))
    with control.db.write() as tx:
        take_turn(tx, TURN)
        if made.domain_id:
            get_domain(tx, made.domain_id)
        store.add_role(tx, made)
    return made


def update_role(control: Control, caller: Caller, role_id: str, changes: dict[str, Any]) -> Role:
    """Changes the name, description, options or extra attributes of a role."""
    with control.db.write() as tx:
        take_turn(tx, TURN)
        known = _permitted(tx, caller, "update", role_id)
        frees = changes.get("options", {}).get("immutable", True) in (False, None)
        _check_mutable(known, frees=frees)
        if "domain_id" in changes:
            refuse_move("role", "domain_id", known.domain_id or None, changes.pop("domain_id"))
        for name, before in (("options", known.options), ("extra", known.extra)):
            if name in changes:
                changes[name] = merged_options(before, changes[name])
        role = replace(known, **changes)
        store.check_role_name(tx, role)
        store.save_role(tx, role)
    return role


def delete_role(control: Control, caller: Caller, role_id: str) -> None:
    """Deletes a role and all its assignments; raises `Conflict` for a built-in one, `Forbidden` for an immutable one."""
    with control.db.write() as tx:
        take_turn(tx, TURN)
        role = _permitted(tx, caller, "delete", role_id)
        _check_mutable(role)
        store.delete_role(tx, role.id)


def is_built_in(role: Role) -> bool:
    """Returns True for the roles that Busway's own rules name."""
    return role.name in ROLE_NAMES and not role.domain_id


def list_implied(control: Control, caller: Caller, prior_id: str) -> tuple[Role, list[Role]]:
    """Returns a role and the roles that it implies directly."""
    authorize(caller, "identity:list_implied_roles")
    with control.db.read() as tx:
        return store.get_role(tx, prior_id), store.list_implied(tx, prior_id)


def list_inferences(control: Control, caller: Caller) -> list[tuple[Role, list[Role]]]:
    """Lists each role that implies others, with the roles that it implies."""
    authorize(caller, "identity:list_role_inference_rules")
    with control.db.read() as tx:
        return store.list_inferences(tx)


def get_implication(
    control: Control, caller: Caller, prior_id: str, implied_id: str, rule: str = "identity:get_implied_role"
) -> tuple[Role, Role]:
    """Returns both roles if the first implies the second directly; raises `NotFound`."""
    authorize(caller, rule)
    with control.db.read() as tx:
        pair = store.get_role(tx, prior_id), store.get_role(tx, implied_id)
        if pair[1] not in store.list_implied(tx, prior_id):
            raise _no_implication(*pair)
    return pair


def imply(control: Control, caller: Caller, prior_id: str, implied_id: str) -> tuple[Role, Role]:
    """Makes a role imply another, with immediate effect for all who have it; raises `BadInput` for a cycle.

    Raises `Forbidden` for role admin as the implied one, and for a role of a domain that a role of the whole cloud
    would imply.
    """
    authorize(caller, "identity:create_implied_role")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        prior, implied = store.get_role(tx, prior_id), store.get_role(tx, implied_id)
        if implied.name == "admin" and not implied.domain_id:
            raise Forbidden(
                "Role admin can't be implied by another role",
                detail="Whoever has that role would be an admin of the whole cloud.",
                remedy="Give role admin itself to those who must have it.",
                code="implies-admin",
            )
        if implied.domain_id and not prior.domain_id:
            raise Forbidden(
                f"Role {prior.name} is of the whole cloud and can't imply {implied.name}, which is of a domain",
                remedy="Let it imply roles of the whole cloud.",
                code="role-elsewhere",
            )
        if prior.id == implied.id or prior.id in store.list_closure(tx, implied.id):
            raise BadInput(
                f"Role {implied.name} implies {prior.name} already",
                remedy="Take that implication away first: openstack implied role delete.",
                code="implies-itself",
            )
        store.imply(tx, prior.id, implied.id)
    return prior, implied


def unimply(control: Control, caller: Caller, prior_id: str, implied_id: str) -> None:
    """Removes an implication, with immediate effect for all who have the role; raises `NotFound`."""
    authorize(caller, "identity:delete_implied_role")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        prior, implied = store.get_role(tx, prior_id), store.get_role(tx, implied_id)
        if not store.unimply(tx, prior.id, implied.id):
            raise _no_implication(prior, implied)
        check_admin_left(tx)


def _permitted(tx: Tx, caller: Caller, deed: str, role_id: str) -> Role:
    found = store.find_role(tx, role_id)
    kind = "domain_role" if found is not None and found.domain_id else "role"
    authorize(caller, f"identity:{deed}_{kind}")
    return store.get_role(tx, role_id) if found is None else found


def _check_mutable(role: Role, *, frees: bool = False) -> None:
    if is_built_in(role):
        raise Conflict(
            f"Role {role.name} is built in",
            detail="Busway's rules of rights name it.",
            remedy="Make a role of your own: openstack role create.",
            code="role-built-in",
        )
    if role.options.get("immutable") and not frees:
        raise Forbidden(
            f"Role {role.name} is immutable",
            remedy=f"Take that option away first: openstack role set --no-immutable {role.name}",
            code="immutable",
        )


def _no_implication(prior: Role, implied: Role) -> NotFound:
    return NotFound(f"Role {prior.name} does not imply {implied.name} by itself", code="implication-not-found")
