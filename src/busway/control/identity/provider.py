"""An OpenID Connect provider: fetches its keys and validates its tokens."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from threading import Lock
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from busway.domain.errors import NotAuthenticated, Unavailable
from busway.domain.openid import OpenId

# Signatures by a key pair only: with a shared secret (HS256) the public key itself would sign.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_KEYS_SECONDS = 3600.0
_AGAIN_SECONDS = 10.0
_TIMEOUT = 10.0
_LEEWAY_SECONDS = 60
_MAX_BYTES = 65536


class Provider:
    """One provider with its keys. They are fetched again after an hour, or 10 s later if a token does not fit them."""

    def __init__(self, settings: OpenId) -> None:
        self._settings = settings
        self._keys: KeySet | None = None
        self._fetched = 0.0
        self._lock = Lock()

    def check(self, presented: str, now: datetime) -> Mapping[str, Any]:
        """Returns the claims of a token that the provider has issued for this cloud; raises `NotAuthenticated`.

        Source: OpenID Connect Core 1.0, 3.1.3.7, and RFC 9068, 4.
        """
        if len(presented) > _MAX_BYTES:
            raise _refused("It is too long")
        try:
            token = self._decode(presented)
            rules = jwt.JWTClaimsRegistry(
                now=int(now.timestamp()),
                leeway=_LEEWAY_SECONDS,
                iss={"essential": True, "value": self._settings.issuer},
                exp={"essential": True},
            )
            rules.validate(token.claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise _refused(f"{type(error).__name__}: {error}") from error
        audience = token.claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if self._settings.audience not in audiences:
            raise _refused(f"It is for {', '.join(map(str, audiences))}, not for {self._settings.audience}")
        return dict(token.claims)

    def _decode(self, presented: str) -> jwt.Token:
        try:
            return jwt.decode(presented, self._known_keys(_KEYS_SECONDS), algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            # The provider may have changed its keys.
            return jwt.decode(presented, self._known_keys(_AGAIN_SECONDS), algorithms=_ALGORITHMS)

    def _known_keys(self, seconds: float) -> KeySet:
        with self._lock:
            if self._keys is None or time.monotonic() - self._fetched > seconds:
                self._keys = self._fetch()
                self._fetched = time.monotonic()
            return self._keys

    def _fetch(self) -> KeySet:
        issuer = self._settings.issuer
        try:
            with httpx.Client(timeout=_TIMEOUT) as client:
                found = client.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration").raise_for_status().json()
                if found["issuer"] != issuer:
                    raise ValueError(f"it calls itself {found['issuer']}")
                return KeySet.import_key_set(client.get(found["jwks_uri"]).raise_for_status().json())
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise Unavailable(
                f"The identity provider {issuer} does not answer as an OpenID Connect provider",
                detail=f"{type(error).__name__}: {error}.",
                remedy="Check that it runs, and compare [oidc] issuer with the issuer that it reports.",
                code="provider-unreachable",
            ) from error


@cache
def provider_of(settings: OpenId) -> Provider:
    """Returns the provider of a configuration; one object in each process."""
    return Provider(settings)


def _refused(detail: str) -> NotAuthenticated:
    return NotAuthenticated(
        "The token of the identity provider is not valid here",
        detail=f"{detail}.",
        remedy="Log in at the provider again; see [oidc] issuer and audience.",
        code="provider-token",
    )
