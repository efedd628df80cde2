"""Tokens for requests that a user has signed with an EC2 access key: `/v3/ec2tokens` and `/v3/s3tokens`.

A service that has received such a request asks for the token. It is scoped to the project of the access key.
"""

from __future__ import annotations

from collections.abc import Callable

from busway.control.context import Control
from busway.control.identity.proof import Proof
from busway.control.identity.tokens import Scope, grant
from busway.control.identity.vault import unseal
from busway.domain.aws_signature import SignedRequest, check_signature, check_string
from busway.domain.caller import Caller
from busway.domain.credential import EC2, AccessKey, Credential, read_access_key
from busway.domain.errors import NotAuthenticated
from busway.domain.identity import Token
from busway.policy import authorize
from busway.store import credentials as store
from busway.store import projects, users
from busway.store.database import Tx

METHOD = "ec2credential"


def token_for_request(control: Control, caller: Caller, request: SignedRequest) -> tuple[str, Token]:
    """Returns a token for a signed request; raises `NotAuthenticated` for an unknown key or a wrong signature."""
    authorize(caller, "identity:ec2tokens_validate")
    return _token(control, request.access, lambda secret: check_signature(request, secret, control.now()))


def token_for_string(control: Control, caller: Caller, access: str, text: bytes, signature: str) -> tuple[str, Token]:
    """Returns a token for a signed text and its signature, as object stores send them; raises `NotAuthenticated`."""
    authorize(caller, "identity:s3tokens_validate")
    return _token(control, access, lambda secret: check_string(text, signature, secret, control.now()))


def _token(control: Control, access: str, check: Callable[[str], None]) -> tuple[str, Token]:
    access_hash = AccessKey(access, "").hash
    with control.db.read() as tx:
        found = store.find_by_access(tx, access_hash)
        sealed = store.get_sealed(tx, found.id) if found is not None else None
        user = users.find_user(tx, found.user_id) if found is not None else None
        is_open = user is not None and user.enabled and projects.get_domain(tx, user.domain_id).enabled
    secret = ""
    if found is not None and sealed is not None:
        secret = read_access_key(unseal(control, sealed.text, sealed.key_hash, found.id)).secret
    check(secret or "no such key")
    if found is None or user is None or not is_open or found.type != EC2 or found.project_id is None:
        raise _unknown()
    known: Credential = found

    def settle(tx: Tx, _now: object) -> None:
        if store.find_by_access(tx, access_hash) != known:
            raise _unknown()

    proof = Proof(user, frozenset({METHOD}), made_by=known.id, settle=settle)
    return grant(control, proof, Scope(project_id=known.project_id))


def _unknown() -> NotAuthenticated:
    return NotAuthenticated(
        "The request you have made requires authentication",
        detail="The access key or its signature is wrong, or its user is disabled.",
        remedy="List access keys: openstack ec2 credentials list",
        code="ec2-signature",
    )
