"""The use cases of credentials: secrets of users, such as EC2 access keys, stored encrypted. Lists never contain a secret."""

from __future__ import annotations

import secrets
from dataclasses import replace

from busway.control.context import Control
from busway.control.identity.tree import TURN
from busway.control.identity.vault import other_key, sealer, unseal
from busway.domain.caller import Caller
from busway.domain.credential import EC2, AccessKey, Credential, read_access_key
from busway.domain.errors import BadInput, Conflict, Forbidden, NotFound
from busway.domain.ids import ProjectId, UserId
from busway.domain.totp import TOTP, read_secret
from busway.policy import allows, authorize
from busway.store import assignments, projects, users
from busway.store import credentials as store
from busway.store.credentials import CredentialFilter, Sealed
from busway.store.database import Tx, take_turn
from busway.store.identity_tokens import revoke_made_tokens

MOST_PER_USER = 100


def list_credentials(control: Control, caller: Caller, wanted: CredentialFilter) -> list[Credential]:
    """Lists the credentials that match a filter, without secrets; only the caller's own unless a rule permits others."""
    theirs = wanted.user_id or ""
    if not allows(caller, "identity:list_credentials", {"target.credential.user_id": theirs}):
        authorize(caller, "identity:list_credentials", {"target.credential.user_id": caller.user_id})
        if theirs not in ("", caller.user_id):
            return []
        wanted = replace(wanted, user_id=caller.user_id)
    with control.db.read() as tx:
        return [credential for credential, _ in store.list_credentials(tx, wanted)]


def get_credential(control: Control, caller: Caller, credential_id: str) -> Credential:
    """Returns one credential with its secret; raises `NotFound`."""
    check_direct(caller)
    with control.db.read() as tx:
        return _opened(control, tx, _permitted(tx, caller, "identity:get_credential", credential_id))


def create_credential(control: Control, caller: Caller, wanted: Credential) -> Credential:
    """Stores a credential of a user, encrypted; returns it with a new id.

    Raises `BadInput` for one of type ec2 without a project, and for one of type totp without a secret, `Conflict` if its access key exists, and `Forbidden`
    above `MOST_PER_USER`.
    """
    check_direct(caller)
    authorize(caller, "identity:create_credential", {"target.credential.user_id": wanted.user_id})
    made = replace(wanted, id=control.new_id().replace("-", ""))
    if wanted.type == TOTP:
        read_secret(wanted.blob)
    if wanted.type == EC2:
        if wanted.project_id is None:
            raise BadInput(
                "A credential of type ec2 is for a project",
                remedy="Name it: --project PROJECT",
                code="credential-scope",
            )
        access_hash = read_access_key(wanted.blob).hash
        made = replace(wanted, id=access_hash, access_hash=access_hash)
    with control.db.write() as tx:
        take_turn(tx, TURN)
        _add(control, tx, made)
    return made


def update_credential(control: Control, caller: Caller, credential_id: str, blob: str | None) -> Credential:
    """Replaces the secret of a credential and revokes the tokens that the old one gave; None changes nothing."""
    check_direct(caller)
    with control.db.write() as tx:
        take_turn(tx, TURN)
        known = _permitted(tx, caller, "identity:update_credential", credential_id)
        if blob is None:
            return _opened(control, tx, known)
        changed = replace(known, blob=blob)
        if known.type == TOTP:
            read_secret(blob)
        if known.type == EC2:
            changed = replace(changed, access_hash=read_access_key(blob).hash)
        store.save_credential(tx, changed, _sealed(control, tx, changed))
        revoke_made_tokens(tx, known.id, control.now())
    return changed


def delete_credential(control: Control, caller: Caller, credential_id: str) -> None:
    """Deletes a credential and revokes the tokens that it gave."""
    check_direct(caller)
    with control.db.write() as tx:
        take_turn(tx, TURN)
        _delete(control, tx, _permitted(tx, caller, "identity:delete_credential", credential_id))


def list_access_keys(control: Control, caller: Caller, user_id: str) -> list[tuple[Credential, AccessKey]]:
    """Lists the EC2 access keys of a user; each `AccessKey` has an empty secret."""
    authorize(caller, "identity:ec2_list_credentials", _owner(user_id))
    with control.db.read() as tx:
        users.get_user(tx, user_id)
        found = store.list_credentials(tx, CredentialFilter(user_id=user_id, type=EC2))
    read = [(each, read_access_key(_unsealed(control, each, sealed))) for each, sealed in found]
    return [(each, replace(key, secret="")) for each, key in read]


def get_access_key(control: Control, caller: Caller, user_id: str, access: str) -> tuple[Credential, AccessKey]:
    """Returns one EC2 access key of a user, with its secret; raises `NotFound`."""
    check_direct(caller)
    authorize(caller, "identity:ec2_get_credential", _owner(user_id))
    with control.db.read() as tx:
        found = _opened(control, tx, _of_access(tx, user_id, access))
    return found, read_access_key(found.blob)


def create_access_key(control: Control, caller: Caller, user_id: str, project_id: str) -> tuple[Credential, AccessKey]:
    """Creates an EC2 access key for a project; raises `Forbidden` if the user has no role in it."""
    check_direct(caller)
    authorize(caller, "identity:ec2_create_credential", _owner(user_id))
    key = AccessKey(secrets.token_hex(16), secrets.token_hex(16))
    made = Credential(key.hash, EC2, UserId(user_id), ProjectId(project_id), key.hash, key.to_blob())
    with control.db.write() as tx:
        take_turn(tx, TURN)
        users.get_user(tx, user_id)
        projects.get_project(tx, project_id)
        if not assignments.list_held_roles(tx, user_id, project_id=project_id):
            raise Forbidden(
                f"User {user_id} has no role in project {project_id}, for which the access key would be",
                remedy="Choose a project of the user, or give a role there: openstack role add",
                code="credential-roles",
            )
        _add(control, tx, made)
    return made, key


def delete_access_key(control: Control, caller: Caller, user_id: str, access: str) -> None:
    """Deletes an EC2 access key of a user and revokes the tokens that it gave."""
    check_direct(caller)
    authorize(caller, "identity:ec2_delete_credential", _owner(user_id))
    with control.db.write() as tx:
        take_turn(tx, TURN)
        _delete(control, tx, _of_access(tx, user_id, access))


def check_direct(caller: Caller) -> None:
    """Raises `Forbidden` for a token of an application credential or a trust: a credential may give all rights of a user."""
    if caller.delegation is not None:
        raise Forbidden(
            "Credentials are shown to and changed by those who log in themselves",
            detail="The token is one of an application credential or of a trust.",
            remedy="Log in with a password.",
            code="credential-delegated",
        )


def _permitted(tx: Tx, caller: Caller, rule: str, credential_id: str) -> Credential:
    found = store.find_credential(tx, credential_id)
    authorize(caller, rule, {"target.credential.user_id": found.user_id if found else ""})
    if found is None:
        raise NotFound(f"Could not find credential: {credential_id}", code="credential-not-found")
    return found


def _of_access(tx: Tx, user_id: str, access: str) -> Credential:
    found = store.find_by_access(tx, AccessKey(access, "").hash)
    if found is None or found.user_id != user_id:
        raise NotFound(
            f"Could not find access key: {access}",
            remedy="List them: openstack ec2 credentials list",
            code="credential-not-found",
        )
    return found


def _add(control: Control, tx: Tx, made: Credential) -> None:
    users.get_user(tx, made.user_id)
    if made.project_id is not None:
        projects.get_project(tx, made.project_id)
    if store.find_credential(tx, made.id) is not None:
        raise Conflict("A credential with this access key exists already", code="access-key-exists")
    if store.count_credentials(tx, made.user_id) >= MOST_PER_USER:
        raise Forbidden(
            f"User {made.user_id} has {MOST_PER_USER} credentials already",
            remedy="Delete some: openstack credential delete",
            code="credential-limit",
        )
    store.add_credential(tx, made, _sealed(control, tx, made))


def _delete(control: Control, tx: Tx, found: Credential) -> None:
    revoke_made_tokens(tx, found.id, control.now())
    store.delete_credential(tx, found.id)


def _sealed(control: Control, tx: Tx, credential: Credential) -> Sealed:
    key = sealer(control)
    if (other := store.find_other_key(tx, key.fingerprint)) is not None:
        raise other_key(f"Those there were sealed with key {other}, and the one that is here is {key.fingerprint}")
    return Sealed(key.seal(credential.blob, credential.id), key.fingerprint)


def _opened(control: Control, tx: Tx, credential: Credential) -> Credential:
    return replace(credential, blob=_unsealed(control, credential, store.get_sealed(tx, credential.id)))


def _unsealed(control: Control, credential: Credential, sealed: Sealed) -> str:
    return unseal(control, sealed.text, sealed.key_hash, credential.id)


def _owner(user_id: str) -> dict[str, str]:
    return {"user_id": user_id, "target.user.id": user_id, "target.credential.user_id": user_id}
