"""A small OpenID Connect provider on loopback: discovery, keys, and tokens by password, client credentials and exchange.

It signs with real keys and speaks the grants of RFC 6749 (4.3, 4.4) and RFC 8693, as keystoneauth's plugins use them.
"""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

CLIENT, SECRET, AUDIENCE = "cli", "cli-secret", "busway"
_START_SECONDS = 20


@dataclass
class Person:
    """Somebody whom the provider knows."""

    name: str
    password: str
    groups: list[str] = field(default_factory=list)


@dataclass
class OidcProvider:
    """A running provider; tests add people, and turn its keys."""

    issuer: str
    people: dict[str, Person] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first", "use": "sig"}))

    def turn_keys(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": f"k{time.monotonic_ns()}", "use": "sig"})

    def token(self, name: str, groups: list[str] | None = None, **changes: Any) -> str:
        """A signed token of a person, with claims changed as a test wants."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": f"sub-of-{name}",
            "aud": [AUDIENCE, "account"],
            "iat": now,
            "exp": now + 300,
            "preferred_username": name,
            "groups": groups or [],
            **changes,
        }
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    async def discovery(self, _request: Request) -> JSONResponse:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "token_endpoint": f"{self.issuer}/token",
                "authorization_endpoint": f"{self.issuer}/authorize",
                "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
            }
        )

    async def keys(self, _request: Request) -> JSONResponse:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def grant(self, request: Request) -> JSONResponse:
        given = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if not _is_client(request, given):
            return JSONResponse({"error": "invalid_client"}, 401)
        match given.get("grant_type"):
            case "password":
                person = self.people.get(given.get("username", ""))
                if person is None or person.password != given.get("password"):
                    return JSONResponse({"error": "invalid_grant"}, 400)
                token = self.token(person.name, person.groups)
            case "client_credentials":
                token = self.token(f"service-{CLIENT}")
            case "urn:ietf:params:oauth:grant-type:token-exchange":
                known = jwt.decode(given["subject_token"], self.key, algorithms=["RS256"]).claims
                token = self.token(known["preferred_username"], known["groups"])
            case _:
                return JSONResponse({"error": "unsupported_grant_type"}, 400)
        return JSONResponse({"access_token": token, "id_token": token, "token_type": "Bearer", "expires_in": 300})


def _is_client(request: Request, given: dict[str, str]) -> bool:
    basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
    by_header = request.headers.get("authorization") == f"Basic {basic}"
    return by_header or (given.get("client_id"), given.get("client_secret")) == (CLIENT, SECRET)


@contextmanager
def running_provider() -> Iterator[OidcProvider]:
    """A provider that serves until the block ends."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    provider = OidcProvider(f"http://127.0.0.1:{listener.getsockname()[1]}")
    routes = [
        Route("/.well-known/openid-configuration", provider.discovery),
        Route("/keys", provider.keys),
        Route("/token", provider.grant, methods=["POST"]),
    ]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        assert time.monotonic() < deadline, "the provider did not start"
        time.sleep(0.01)
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)
        listener.close()
