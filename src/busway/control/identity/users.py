"""The use cases of users."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from busway.control.context import Control
from busway.control.identity.passwords import NO_PASSWORD, passwords
from busway.control.identity.proof import check_password
from busway.control.identity.tree import TURN, check_admin_left, merged_options, refuse_move
from busway.domain.caller import Caller
from busway.domain.errors import BadInput
from busway.domain.identity import DOMAIN_ID, User
from busway.domain.ids import UserId
from busway.policy import authorize
from busway.store import users as store
from busway.store.database import Tx, take_turn
from busway.store.identity_tokens import revoke_user_tokens
from busway.store.password_history import list_former
from busway.store.projects import find_project, get_domain
from busway.store.users import EVERYBODY, UserFilter


class Unchanged:
    """The type of `UNCHANGED`, which marks an argument that was not given; None means "no password"."""


UNCHANGED = Unchanged()


def list_users(control: Control, caller: Caller, wanted: UserFilter = EVERYBODY) -> list[User]:
    """Lists the users that match a filter; with a token of a domain, those of that domain."""
    authorize(caller, "identity:list_users", {"target.domain_id": wanted.domain_id or caller.domain_id})
    if caller.domain_id:
        if wanted.domain_id not in (None, caller.domain_id):
            return []
        wanted = replace(wanted, domain_id=caller.domain_id)
    with control.db.read() as tx:
        return store.list_users(tx, wanted)


def get_user(control: Control, caller: Caller, user_id: str) -> User:
    """Returns one user by id; raises `NotFound`."""
    with control.db.read() as tx:
        return permitted(tx, caller, "identity:get_user", user_id)


def permitted(tx: Tx, caller: Caller, rule: str, user_id: str) -> User:
    """Returns a user if a rule permits the act; raises `NotFound` only if the caller may know that, else `Forbidden`."""
    found = store.find_user(tx, user_id)
    domain = found.domain_id if found else ""
    authorize(caller, rule, {"user_id": user_id, "target.user.id": user_id, "target.user.domain_id": domain})
    return store.get_user(tx, user_id) if found is None else found


def create_user(control: Control, caller: Caller, user: User, password: str | None, domain_id: str | None) -> User:
    """Creates a user with a new id, in the domain of the caller's token unless another is given.

    Without a password the user can't log in with one. Raises `BadInput` for a password that the rules refuse.
    """
    domain = domain_id or caller.domain_id or caller.project_domain_id or DOMAIN_ID
    authorize(caller, "identity:create_user", {"target.user.domain_id": domain})
    hashed = NO_PASSWORD if password is None else _hash(control, password)
    with control.db.write() as tx:
        take_turn(tx, TURN)
        new_id = UserId(control.new_id().replace("-", ""))
        changed = None if password is None else control.now()
        made = replace(user, id=new_id, domain_id=get_domain(tx, domain).id, password_changed=changed)
        _check_default_project(tx, made)
        store.add_user(tx, made, hashed)
    return made


def update_user(
    control: Control,
    caller: Caller,
    user_id: str,
    changes: dict[str, Any],
    password: str | Unchanged | None = UNCHANGED,
) -> User:
    """Changes a user. A new password, or disabling the user, revokes all their tokens; a password of None removes it."""
    hashed = None
    if not isinstance(password, Unchanged):
        hashed = NO_PASSWORD if password is None else _hash(control, password)
    with control.db.write() as tx:
        take_turn(tx, TURN)
        known = permitted(tx, caller, "identity:update_user", user_id)
        user = replace(known, **_changes(known, changes))
        store.check_user_name(tx, user)
        _check_default_project(tx, user)
        store.save_user(tx, user)
        if hashed is not None:
            remembered = control.settings.password_rules.remembered
            store.replace_password(tx, user.id, hashed, control.now(), remembered)
        if hashed is not None or not user.enabled:
            revoke_user_tokens(tx, user.id, control.now())
            check_admin_left(tx)
        return store.get_user(tx, user.id)


def _changes(known: User, changes: dict[str, Any]) -> dict[str, Any]:
    values = dict(changes)
    if "domain_id" in values:
        refuse_move("user", "domain_id", known.domain_id, values.pop("domain_id"))
    for name, before in (("options", known.options), ("extra", known.extra)):
        if name in values:
            values[name] = merged_options(before, values[name])
    return values


def _check_default_project(tx: Tx, user: User) -> None:
    """Raises `BadInput` if the default project is a domain; as in Keystone, it need not exist."""
    project = find_project(tx, user.default_project_id) if user.default_project_id else None
    if project is not None and project.is_domain:
        raise BadInput(
            f"{project.name} is a domain, and no default project", remedy="Name a project.", code="is-a-domain"
        )


def change_password(control: Control, user_id: str, original: str, password: str, address: str = "") -> None:
    """Changes a user's own password, authenticated by the old one, and revokes all their tokens.

    Raises `NotAuthenticated` for a wrong old password, `BadInput` for a new one that the rules refuse.
    """
    proof = check_password(control, user_id, original, address, may_be_expired=True)
    if proof.user.options.get("lock_password"):
        raise BadInput(
            "This user's password is locked",
            detail="The option lock_password is set: the user cannot change the password.",
            remedy="Ask an administrator to set a new password or to take the option away.",
            code="password-locked",
        )
    if password == original:
        raise BadInput(
            "The new password is the same as the old one", remedy="Choose another one.", code="same-password"
        )
    rules = control.settings.password_rules
    rules.check_age(proof.user.password_changed, control.now())
    _check_new(control, proof.user.id, password)
    hashed = _hash(control, password)
    with control.db.write() as tx:
        take_turn(tx, TURN)
        proof.settle(tx, control.now())
        store.replace_password(tx, proof.user.id, hashed, control.now(), rules.remembered)
        revoke_user_tokens(tx, proof.user.id, control.now())


def _hash(control: Control, password: str) -> str:
    """Returns the hash of a password; raises `BadInput` if the configured pattern refuses it."""
    control.settings.password_rules.check_form(password)
    return passwords(control.settings).hash(password)


def _check_new(control: Control, user_id: UserId, password: str) -> None:
    """Raises `BadInput` if the password is one of the last ones of the user."""
    remembered = control.settings.password_rules.remembered
    with control.db.read() as tx:
        former = list_former(tx, user_id, max(0, remembered - 1))
    if any(passwords(control.settings).check(each, password) for each in former):
        raise BadInput(
            "The new password is one of the last ones of this user",
            detail=f"It may not be one of the last {remembered}.",
            remedy="Choose another one.",
            code="password-repeated",
        )


def delete_user(control: Control, caller: Caller, user_id: str) -> None:
    """Deletes a user with their application credentials, and revokes their tokens."""
    with control.db.write() as tx:
        take_turn(tx, TURN)
        user = permitted(tx, caller, "identity:delete_user", user_id)
        revoke_user_tokens(tx, user.id, control.now())
        store.delete_user(tx, user.id)
        check_admin_left(tx)
