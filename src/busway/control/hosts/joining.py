"""How a host becomes one of the cloud: its operator invites it, and its agent joins with a token of its own making.

The token never leaves the host before it is used: what travels and is stored is its hash. A renewal works alike:
until the agent has spoken with its next token the present one is good too, so that either side may be killed at any
moment.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta

from busway.control.context import Control
from busway.control.hosts.names import check_name
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, NotAuthenticated
from busway.domain.ids import HostId
from busway.pki.certificate import fingerprint
from busway.policy import authorize
from busway.store import events, handovers, hosts, join_tokens
from busway.store.database import Tx
from busway.store.events import Event
from busway.wire.join import Joined, JoinRequest, JoinToken, RenewRequest

_HASH = re.compile(r"[0-9a-f]{64}")


def token_hash(token: str) -> str:
    """The hash of an agent's token, which is what is stored; tokens are random, so one round of SHA-256 is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def create_host(control: Control, caller: Caller, name: str, *, rotate: bool = False) -> JoinToken:
    """Adds a host and creates its join token; `rotate` creates a new token for an existing host, and revokes its credential at once."""
    authorize(caller, "busway:hosts:create")
    check_name(name)
    secret = secrets.token_urlsafe(32)
    now = control.now()
    with control.db.write() as tx:
        host = hosts.find_host(tx, name)
        host_id = host.id if host else HostId(control.new_id())
        if host is None:
            hosts.insert_host(tx, host_id, name, "", now)
            events.add_event(tx, Event(now, "host", None, "created", f"added by {caller.user_name}", host_id))
        elif rotate:
            hosts.set_token(tx, host_id, "")
            handovers.set_key(tx, host_id, None)
            events.add_event(tx, Event(now, "host", None, "rotated", f"by {caller.user_name}", host_id))
        else:
            raise Conflict(
                f"Host {name} exists already",
                detail="It has a join token or a credential already.",
                remedy=f"Create a new token, which revokes the credential: `busway host create {name} --rotate`.",
                code="host-exists",
            )
        expires = now + timedelta(seconds=control.settings.join_seconds)
        join_tokens.put_invitation(tx, host_id, token_hash(secret), expires)
    known = fingerprint(control.ca) if control.ca else ""
    return JoinToken(control.settings.public_url, name, secret, known)


def join(control: Control, request: JoinRequest) -> Joined:
    """Lets a host join: its token is valid from now on, and its join token is used up."""
    _check_hash(request.token_hash)
    wanted, now = token_hash(request.secret), control.now()
    with control.db.write() as tx:
        found = join_tokens.find_invitation(tx, wanted)
        host = hosts.find_host_by_id(tx, found.host_id) if found else None
        if found is None or host is None:
            raise _refused("is not known here", "It was replaced by a newer one, or its host was deleted.")
        if now > found.expires:
            raise _refused("has expired", f"It was good until {found.expires:%Y-%m-%d %H:%M:%S} UTC.")
        if not join_tokens.use_invitation(tx, wanted, now):
            raise _refused("was used already", "A join token is good for one host, once.")
        _check_unused(tx, host.id, request.token_hash)
        certificate = _certificate(control, host.name, request.signing_request)
        hosts.set_token(tx, host.id, request.token_hash)
        events.add_event(tx, Event(now, "host", None, "joined", "its agent has a credential", host.id))
    return Joined(host.name, certificate, control.settings.credential_seconds)


def renew(control: Control, host_id: HostId, request: RenewRequest) -> Joined:
    """Prepares a host's next credential, which replaces the current one when the agent first uses it."""
    _check_hash(request.token_hash)
    with control.db.write() as tx:
        host = hosts.find_host_by_id(tx, host_id)
        if host is None:
            raise _refused("is not known here", "Its host was deleted.")
        _check_unused(tx, host_id, request.token_hash)
        certificate = _certificate(control, host.name, request.signing_request)
        hosts.set_next_token(tx, host_id, request.token_hash)
    return Joined(host.name, certificate, control.settings.credential_seconds)


def _certificate(control: Control, host: str, request: str) -> str:
    if control.authority is None or not request:
        return ""
    return control.authority.sign_agent(request, host, control.now())


def _check_hash(text: str) -> None:
    if not _HASH.fullmatch(text):
        raise BadInput(
            "This is not the hash of a token", remedy="Run the same release on both sides.", code="token-hash"
        )


def _check_unused(tx: Tx, host_id: HostId, wanted: str) -> None:
    """Raises `Conflict` for a token of another host: the control plane could not tell the two hosts apart."""
    owner = hosts.find_host_by_token(tx, wanted)
    if owner is not None and owner.id != host_id:
        raise Conflict("That token belongs to another host", remedy="Create another one.", code="token-hash-taken")


def _refused(what: str, detail: str) -> NotAuthenticated:
    return NotAuthenticated(
        f"This join token {what}",
        detail=detail,
        remedy="Create another one on the control plane's side: busway host create NAME --rotate",
        code="join-token-refused",
    )
