"""The use cases of trusts: a user (the trustor) lets another (the trustee) act with some of the trustor's roles in a project."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from busway.control.context import Control
from busway.control.identity.tree import TURN
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Forbidden, NotFound
from busway.domain.identity import Role
from busway.domain.ids import ProjectId, UserId
from busway.domain.trust import MOST_REDELEGATIONS, Trust
from busway.policy import authorize
from busway.store import assignments, projects, roles, users
from busway.store import trusts as store
from busway.store.database import Tx, take_turn
from busway.store.identity_tokens import revoke_trust_tokens
from busway.store.trusts import TrustFilter

MOST_PER_TRUSTOR = 100


@dataclass(frozen=True, slots=True)
class NewTrust:
    """The fields of a trust that is to be created.

    `roles` are ids or names. `redelegations` is how often it may be passed on: 0 for never, None for the configured
    maximum.
    """

    trustor_id: str
    trustee_id: str
    project_id: str
    roles: tuple[str, ...]
    impersonation: bool = False
    expires: datetime | None = None
    remaining_uses: int | None = None
    redelegations: int | None = 0


def create_trust(control: Control, caller: Caller, wanted: NewTrust) -> Trust:
    """Creates a trust of the caller. With a token of a trust, that trust is passed on, with no more rights than it has."""
    authorize(caller, "identity:create_trust", {"trust.trustor_user_id": wanted.trustor_id})
    now = control.now()
    if caller.delegation is not None and not caller.delegation.is_trust:
        raise Forbidden(
            "An application credential can't make trusts", remedy="Log in with a password.", code="trust-delegated"
        )
    if wanted.expires is not None and wanted.expires <= now:
        raise BadInput("The trust would have expired already", remedy="Choose a later time.", code="trust-expired")
    with control.db.write() as tx:
        take_turn(tx, TURN)
        parent = _get(tx, caller.trust_id, now) if caller.trust_id is not None else None
        made = _made(control, tx, wanted, parent)
        if store.count_trusts(tx, wanted.trustor_id, now) >= MOST_PER_TRUSTOR:
            raise Forbidden(
                f"User {caller.user_name} has {MOST_PER_TRUSTOR} trusts already",
                remedy="Delete some: openstack trust delete",
                code="trust-limit",
            )
        store.add_trust(tx, made)
    return made


def list_trusts(control: Control, caller: Caller, wanted: TrustFilter) -> list[Trust]:
    """Lists the trusts that match a filter and that the caller may see; all of them need a rule's permission."""
    if wanted.trustor_id is None and wanted.trustee_id is None:
        authorize(caller, "identity:list_trusts", {})
    if wanted.trustor_id is not None:
        authorize(caller, "identity:list_trusts_for_trustor", {"target.trust.trustor_user_id": wanted.trustor_id})
    if wanted.trustee_id is not None:
        authorize(caller, "identity:list_trusts_for_trustee", {"target.trust.trustee_user_id": wanted.trustee_id})
    with control.db.read() as tx:
        return store.list_trusts(tx, wanted, control.now())


def get_trust(control: Control, caller: Caller, trust_id: str, rule: str = "identity:get_trust") -> Trust:
    """Returns one trust to its trustor, its trustee, or a caller whom a rule permits; raises `NotFound`."""
    with control.db.read() as tx:
        return _permitted(control, tx, caller, rule, trust_id)


def delete_trust(control: Control, caller: Caller, trust_id: str) -> None:
    """Deletes a trust and the trusts that were made by passing it on, and revokes the tokens of all of them."""
    with control.db.write() as tx:
        take_turn(tx, TURN)
        trust = _permitted(control, tx, caller, "identity:delete_trust", trust_id)
        if caller.delegation is not None:
            raise Forbidden(
                "A trust is taken back by those who log in themselves",
                remedy="Log in with a password.",
                code="trust-delegated",
            )
        ids = store.list_made(tx, trust.id)
        revoke_trust_tokens(tx, ids, control.now())
        store.delete_trusts(tx, ids)


def roles_of(control: Control, trusts: Sequence[Trust]) -> dict[str, Role]:
    """Returns the roles of these trusts, by role id."""
    wanted = {each for trust in trusts for each in trust.roles}
    with control.db.read() as tx:
        return {role.id: role for role in roles.list_roles(tx) if role.id in wanted}


def _made(control: Control, tx: Tx, wanted: NewTrust, parent: Trust | None) -> Trust:
    trustee = users.get_user(tx, wanted.trustee_id)
    project = projects.get_project(tx, wanted.project_id)
    made = Trust(
        id=control.new_id().replace("-", ""),
        trustor_id=UserId(wanted.trustor_id),
        trustee_id=trustee.id,
        project_id=ProjectId(project.id),
        roles=_roles(tx, wanted),
        impersonation=wanted.impersonation,
        expires=wanted.expires,
        remaining_uses=wanted.remaining_uses,
        redelegation_count=MOST_REDELEGATIONS if wanted.redelegations is None else wanted.redelegations,
    )
    if wanted.remaining_uses is not None and made.redelegation_count:
        raise BadInput(
            "A trust of a number of uses can't be handed on",
            remedy="Leave out remaining_uses, or allow_redelegation.",
            code="trust-uses",
        )
    if made.redelegation_count > MOST_REDELEGATIONS:
        raise _not_handed_on(
            f"It would be handed on {made.redelegation_count} times, and {MOST_REDELEGATIONS} are allowed"
        )
    if parent is None:
        return made
    return _handed_on(made, parent, wanted.redelegations, assignments.list_implied_ids(tx, parent.roles))


def _handed_on(made: Trust, parent: Trust, asked: int | None, its_roles: Collection[str]) -> Trust:
    """Returns a trust made from another one; raises `Forbidden` if it would last longer, or have more roles or uses.

    `its_roles` are those of the other one, with what they imply.
    """
    if parent.redelegation_count < 1:
        raise _not_handed_on("Its trustor did not allow it")
    if made.project_id != parent.project_id or not set(made.roles) <= set(its_roles):
        raise _not_handed_on("It would be for a project or for roles that the trust is not for")
    if made.impersonation and not parent.impersonation:
        raise _not_handed_on("It would impersonate, and the trust does not")
    if parent.expires is not None and made.expires is not None and made.expires > parent.expires:
        raise _not_handed_on("It would end later than the trust")
    count = parent.redelegation_count - 1 if asked is None else made.redelegation_count
    if count >= parent.redelegation_count:
        raise _not_handed_on(f"It could be handed on {count} times, and the trust {parent.redelegation_count} times")
    return replace(made, parent_id=parent.id, expires=made.expires or parent.expires, redelegation_count=count)


def _not_handed_on(detail: str) -> Forbidden:
    return Forbidden(
        "The trust can't be handed on so",
        detail=f"{detail}.",
        remedy="Ask for less, or have the trustor make another trust.",
        code="trust-redelegation",
    )


def _roles(tx: Tx, wanted: NewTrust) -> tuple[str, ...]:
    """Returns the ids of these roles, given by id or name; the trustor must have all of them."""
    held = assignments.list_held_roles(tx, wanted.trustor_id, project_id=wanted.project_id)
    by_name = {role.name: role.id for role in held}
    ids = {role.id for role in held}
    found = [by_name.get(each, each) for each in wanted.roles]
    missing = [each for each in found if each not in ids]
    if missing or not found:
        raise Forbidden(
            f"The trustor has no role {', '.join(missing) or '(none given)'} in the project to hand on",
            detail=f"Roles there: {', '.join(sorted(by_name)) or '(none)'}.",
            remedy="Choose some of these.",
            code="trust-roles",
        )
    return tuple(sorted(set(found)))


def _permitted(control: Control, tx: Tx, caller: Caller, rule: str, trust_id: str) -> Trust:
    found = store.find_trust(tx, trust_id, control.now())
    target = {
        "target.trust.trustor_user_id": found.trustor_id if found else "",
        "target.trust.trustee_user_id": found.trustee_id if found else "",
    }
    if found is None and not caller.is_admin:
        raise _missing(trust_id)
    authorize(caller, rule, target)
    return _get(tx, trust_id, control.now())


def _get(tx: Tx, trust_id: str, now: datetime) -> Trust:
    found = store.find_trust(tx, trust_id, now)
    if found is None:
        raise _missing(trust_id)
    return found


def _missing(trust_id: str) -> NotFound:
    return NotFound(
        f"Could not find trust: {trust_id}",
        remedy="List yours: openstack trust list --trustor USER",
        code="trust-not-found",
    )
