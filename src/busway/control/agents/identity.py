"""Who an agent is: its token, and its certificate where the operator asks for one."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.hosts.joining import token_hash
from busway.domain.errors import Forbidden, NotAuthenticated
from busway.domain.ids import HostId
from busway.store import hosts
from busway.store.hosts import HostRow


def authenticate(control: Control, host_name: str, token: str, shown: str | None = None) -> HostId:
    """The host whose documents the token opens; `Forbidden` for a token of another host.

    `shown` is the host that the agent's certificate names, None when it showed none.
    """
    owner = owner_of(control, token, shown)
    if owner.name != host_name:
        raise Forbidden(
            f"The credential of host {owner.name} does not give access to the documents of host {host_name}",
            remedy=f"Start the agent of {host_name} with its own credential.",
            code="agent-foreign-host",
        )
    return owner.id


def owner_of(control: Control, token: str, shown: str | None = None) -> HostRow:
    """The host that an agent speaks for. Its next token, once used, is its only one."""
    wanted = token_hash(token)
    with control.db.read() as tx:
        owner = hosts.find_host_by_token(tx, wanted)
    if owner is None:
        raise NotAuthenticated(
            "This agent's credential is unknown",
            remedy="Create a join token with `busway host create NAME` (or `--rotate`), then run on the host: busway "
            "agent join TOKEN",
            code="agent-credential-unknown",
        )
    if control.settings.agent_certificates and shown != owner.name:
        raise NotAuthenticated(
            f"The agent of host {owner.name} must present its certificate",
            detail="It presented none." if shown is None else f"It presented the certificate of host {shown}.",
            remedy="Let it join again, over TLS and without a proxy in between: busway host create NAME --rotate",
            code="agent-certificate",
        )
    if owner.next_token_hash == wanted:
        with control.db.write() as tx:
            hosts.set_token(tx, owner.id, wanted)
    return owner
