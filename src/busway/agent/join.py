"""How a host joins: it learns whom to trust, makes its own secrets, and shows the join token once, over a line it trusts.

The authority's certificate is public, so it may be fetched of anybody: its hash came with the token. Only a server
with a certificate of that authority gets the token's secret. Somebody in between who shows another certificate learns
nothing and is named.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import replace
from pathlib import Path

import httpx

from busway.agent.credential import Credential, check_writable, write_credential
from busway.agent.link import error_of, unreachable
from busway.domain.errors import Forbidden, InvalidConfig
from busway.pki.certificate import fingerprint
from busway.pki.context import client_context, unverified_context
from busway.pki.request import make_request
from busway.pki.trouble import distrust
from busway.wire.documents import decode, encode
from busway.wire.join import Joined, JoinRequest, JoinToken

_SECONDS = 30.0
_MAX_CA_BYTES = 64 * 1024


def join_host(token: JoinToken, path: Path, *, url: str | None = None) -> Credential:
    """Joins with a token and writes the credential; `url` is what the agent will use where it is another than the token's.

    Errors: `Forbidden` when the other end is not the control plane that the token is of, what the control plane says
    to a token that is used up, and `Unavailable`.
    """
    check_writable(path)
    ca = _fetch_authority(token) if token.fingerprint else ""
    made = ask_to_join(token, ca)
    credential = made if url is None else replace(made, url=url)
    write_credential(path, credential)
    return credential


def ask_to_join(token: JoinToken, ca: str) -> Credential:
    """Shows the token to the control plane, which must be one that `ca` vouches for ("" for the system's authorities)."""
    secret = secrets.token_urlsafe(32)
    key, request = make_request(token.host)
    body = encode(JoinRequest(token.secret, hashlib.sha256(secret.encode()).hexdigest(), request))
    try:
        with _client(token, ca) as client:
            answer = client.post("/agent/v1/join", content=body, headers={"Content-Type": "application/json"})
    except httpx.HTTPError as error:
        if why := distrust(error):
            raise _stranger(token, f"Its certificate is not of the authority that the token names: {why}.") from error
        raise unreachable(token.url, error) from error
    if not answer.is_success:
        raise error_of(answer)
    joined = decode(answer.content, Joined)
    return Credential(
        token.url,
        joined.host,
        secret,
        ca,
        joined.certificate,
        key if joined.certificate else "",
        time.time() + joined.renew_after,
    )


def _fetch_authority(token: JoinToken) -> str:
    """The authority's certificate, fetched of whoever answers and believed for its hash alone."""
    if not token.url.startswith("https://"):
        raise InvalidConfig(
            f"The token has an authority, but a URL without TLS: {token.url}",
            remedy="Use an https URL: busway host create NAME --url https://…",
            code="join-token-form",
        )
    try:
        with httpx.Client(base_url=token.url, verify=unverified_context(), timeout=_SECONDS, trust_env=False) as client:
            answer = client.get("/agent/v1/authority")
    except httpx.HTTPError as error:
        raise unreachable(token.url, error) from error
    text = answer.text if answer.is_success and len(answer.content) <= _MAX_CA_BYTES else ""
    try:
        found = fingerprint(text)
    except InvalidConfig as error:
        raise _stranger(token, f"It answered {answer.status_code} when it was asked for its authority.") from error
    if not secrets.compare_digest(found, token.fingerprint):
        raise _stranger(token, f"The token names the authority {token.fingerprint}, and it showed {found}.")
    return text


def _client(token: JoinToken, ca: str) -> httpx.Client:
    return httpx.Client(base_url=token.url, verify=client_context(ca), timeout=_SECONDS, trust_env=False)


def _stranger(token: JoinToken, detail: str) -> Forbidden:
    return Forbidden(
        f"The server at {token.url} is not the control plane that issued this token",
        detail=f"{detail} The token was not sent to it.",
        remedy="Another machine may intercept the connection, or the control plane has a new certificate: check "
        "this, and create a new token.",
        code="join-stranger",
    )
