"""The use cases of application credentials: secrets with which a program acts for a user, with some of the user's roles."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from busway.control.context import Control
from busway.control.identity.passwords import passwords
from busway.domain.application_credential import AccessRule, ApplicationCredential
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Forbidden, NotFound
from busway.domain.ids import ProjectId, UserId
from busway.policy import authorize
from busway.store import access_rules, roles
from busway.store import application_credentials as store
from busway.store.database import Tx
from busway.store.filtered_list import Likeness
from busway.store.identity_tokens import revoke_credential_tokens

MOST_PER_USER = 100
MOST_RULES = 1000


@dataclass(frozen=True, slots=True)
class NewCredential:
    """The fields of an application credential that is to be created.

    `roles` are ids or names, None for all roles of the caller's token. `secret` "" lets Busway generate one.
    `expires` is in UTC, None for never. An `unrestricted` one may create and delete application credentials and
    trusts itself.
    """

    name: str
    secret: str = ""
    description: str = ""
    roles: tuple[str, ...] | None = None
    access_rules: tuple[dict[str, str], ...] | None = None
    unrestricted: bool = False
    expires: datetime | None = None


def create_credential(
    control: Control, caller: Caller, user_id: str, wanted: NewCredential
) -> tuple[ApplicationCredential, str]:
    """Creates an application credential in the project of the caller's token; returns it and its secret.

    The secret is stored as a hash only: it can't be read again. Raises `BadInput` without a project or with an
    expiry in the past, and `Forbidden` for roles that the caller does not have, or above `MOST_PER_USER`.
    """
    authorize(caller, "identity:create_application_credential", {"user_id": user_id})
    check_unrestricted(caller)
    if not caller.project_id:
        raise BadInput(
            "An application credential is for a project, and the token has none",
            remedy="Set OS_PROJECT_NAME.",
            code="credential-scope",
        )
    if wanted.expires is not None and wanted.expires <= control.now():
        raise BadInput("The credential would have expired already", code="credential-expired")
    secret = wanted.secret or secrets.token_urlsafe(48)
    hashed = passwords(control.settings).hash(secret)
    made = ApplicationCredential(
        id=control.new_id().replace("-", ""),
        name=wanted.name,
        user_id=UserId(user_id),
        project_id=ProjectId(caller.project_id),
        description=wanted.description,
        roles=_roles(control, caller, wanted.roles),
        access_rules=None if wanted.access_rules is None else _rules(wanted.access_rules),
        unrestricted=wanted.unrestricted,
        expires=wanted.expires,
    )
    with control.db.write() as tx:
        if len(store.list_credentials(tx, user_id)) >= MOST_PER_USER:
            raise Forbidden(
                f"User {caller.user_name} has {MOST_PER_USER} application credentials already",
                remedy="Delete some: openstack application credential delete.",
                code="credential-limit",
            )
        if made.access_rules:
            _keep_rules(tx, user_id, made.access_rules)
        store.add_credential(tx, made, hashed)
    return made, secret


def _keep_rules(tx: Tx, user_id: str, rules: Sequence[AccessRule]) -> None:
    access_rules.add_rules(tx, user_id, rules)
    if access_rules.count_rules(tx, user_id) > MOST_RULES:
        raise Forbidden(
            f"User {user_id} would have more than {MOST_RULES} access rules",
            remedy="Delete those that no application credential has any more: openstack access rule delete",
            code="access-rule-limit",
        )


def list_credentials(
    control: Control,
    caller: Caller,
    user_id: str,
    rule: str = "identity:list_application_credentials",
    like: Sequence[Likeness] = (),
) -> list[ApplicationCredential]:
    """Lists the application credentials of a user whose names are `like` all of these, by name."""
    authorize(caller, rule, {"user_id": user_id, "target.user.id": user_id})
    with control.db.read() as tx:
        return store.list_credentials(tx, user_id, like)


def get_credential(control: Control, caller: Caller, user_id: str, credential_id: str) -> ApplicationCredential:
    """Returns one application credential of a user; raises `NotFound`."""
    for each in list_credentials(control, caller, user_id, "identity:get_application_credential"):
        if each.id == credential_id:
            return each
    raise NotFound(f"Could not find application credential: {credential_id}", code="credential-not-found")


def delete_credential(control: Control, caller: Caller, user_id: str, credential_id: str) -> None:
    """Deletes an application credential and revokes the tokens that were issued for it."""
    authorize(caller, "identity:delete_application_credential", {"user_id": user_id})
    check_unrestricted(caller)
    with control.db.write() as tx:
        found = store.find_credential(tx, credential_id)
        if found is None or found.user_id != user_id:
            raise NotFound(f"Could not find application credential: {credential_id}", code="credential-not-found")
        revoke_credential_tokens(tx, found.id, control.now())
        store.delete_credential(tx, found.id)


def check_unrestricted(caller: Caller) -> None:
    """Raises `Forbidden` if the caller's token is of a trust or of a restricted application credential."""
    if caller.delegation is not None and not caller.delegation.unrestricted:
        raise Forbidden(
            "A trust or a restricted application credential can't make or delete application credentials and access rules",
            remedy="Log in with a password, or make the credential with --unrestricted.",
            code="credential-restricted",
        )


def _roles(control: Control, caller: Caller, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Returns the ids of these roles, given by id or name; None means all of the caller's.

    Those that they imply are not among them: a token of the credential has them (`list_implied_ids`), as in Keystone.
    """
    with control.db.read() as tx:
        known = {role.id: role for role in roles.list_roles(tx) if role.name in caller.roles}
        ids = {role.name: role.id for role in known.values()}
        if wanted is None:
            return tuple(sorted(known))
        found = [ids.get(each, each) for each in wanted]
        missing = [each for each in found if each not in known]
        if not missing and found:
            return tuple(sorted(set(found)))
    raise BadInput(
        f"User {caller.user_name} has no role {', '.join(missing) or '(none given)'} to give away",
        detail=f"Roles in this project: {', '.join(sorted(caller.roles))}.",
        remedy="Choose some of these, or omit roles for all of them.",
        code="credential-roles",
    )


def role_names(control: Control, ids: Collection[str]) -> dict[str, str]:
    """Returns the names of all roles, by id."""
    with control.db.read() as tx:
        return {role.id: role.name for role in roles.list_roles(tx) if role.id in ids}


def _rules(given: Sequence[dict[str, str]]) -> tuple[AccessRule, ...]:
    found = []
    for each in given:
        words = (each["service"], each["method"].upper(), each["path"])
        found.append(AccessRule(hashlib.sha256("\n".join(words).encode()).hexdigest()[:32], *words))
    return tuple(found)
