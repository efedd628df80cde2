"""OpenID Connect as a second way to log in, against a provider on loopback and through the stock client library."""

from __future__ import annotations

import base64
import hmac
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from busway.domain.openid import GroupRole, OpenId
from tests.api.oidc_provider import AUDIENCE, CLIENT, SECRET, OidcProvider, Person, running_provider
from tests.api.serving import ApiServer, start_api_server
from tests.api.test_log_in import by_token, issue

ROOT = Path(__file__).parents[2]


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with running_provider() as made:
        made.people["olga"] = Person("olga", "olgas password", ["ml"])
        yield made


@pytest.fixture
def server(provider: OidcProvider, api_template: Path, tmp_path: Path) -> Iterator[ApiServer]:
    mapping = (GroupRole("ml", "admin", "member"),)
    settings = OpenId("house", provider.issuer, AUDIENCE, mapping=mapping)
    made = start_api_server(tmp_path, api_template, openid=settings)
    yield made
    made.stop()


def log_in(server: ApiServer, token: str, name: str = "house") -> httpx.Response:
    path = f"/identity/v3/OS-FEDERATION/identity_providers/{name}/protocols/openid/auth"
    return httpx.post(server.url + path, headers={"Authorization": f"Bearer {token}"})


def test_a_token_of_the_provider_is_a_log_in(server: ApiServer, provider: OidcProvider) -> None:
    answer = log_in(server, provider.token("olga", ["ml"]))
    scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
    scoped = issue(server, by_token(answer.headers["x-subject-token"]), scope)

    assert answer.status_code == 201
    assert answer.json()["token"]["user"]["name"] == "olga"
    assert answer.json()["token"]["methods"] == ["openid"]
    assert {role["name"] for role in scoped.json()["token"]["roles"]} == {"member", "reader"}


def test_a_group_that_is_left_takes_its_role_and_its_tokens_along(server: ApiServer, provider: OidcProvider) -> None:
    scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
    first = log_in(server, provider.token("olga", ["ml"])).headers["x-subject-token"]
    scoped = issue(server, by_token(first), scope).headers["x-subject-token"]

    second = log_in(server, provider.token("olga", [])).headers["x-subject-token"]

    assert issue(server, by_token(second), scope).status_code == 401
    assert server.client(scoped).get("/compute/v2.1/servers").status_code == 401


def test_a_name_of_somebody_else_is_never_taken_over(server: ApiServer, provider: OidcProvider) -> None:
    answer = log_in(server, provider.token("admin"))

    assert answer.json()["token"]["user"]["name"] == "admin@house"


def test_a_token_that_is_not_for_this_cloud_is_refused(server: ApiServer, provider: OidcProvider) -> None:
    now = int(time.time())
    stranger = RSAKey.generate_key(2048, {"kid": str(provider.key.kid)})
    claims = {"iss": provider.issuer, "sub": "x", "aud": AUDIENCE, "exp": now + 60, "preferred_username": "x"}
    bad = [
        provider.token("olga", aud="another"),
        provider.token("olga", iss="http://127.0.0.1:1"),
        provider.token("olga", exp=now - 3600),
        provider.token("olga", preferred_username=None),
        jwt.encode({"alg": "RS256", "kid": provider.key.kid}, claims, stranger),
        signed_with_the_public_key(provider, claims),
        "no.token.atall",
    ]

    assert [log_in(server, each).status_code for each in bad] == [401] * len(bad)
    assert log_in(server, provider.token("olga"), "another").status_code == 404


def signed_with_the_public_key(provider: OidcProvider, claims: dict[str, Any]) -> str:
    """The old trick: what everybody may know, the public key, taken for a shared secret."""
    head = {"alg": "HS256", "kid": provider.key.kid}
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (head, claims)]
    signature = hmac.digest(provider.key.as_pem(private=False), b".".join(parts), "sha256")
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


@pytest.mark.clients
@pytest.mark.parametrize("plugin", ["v3oidcpassword", "v3oidcclientcredentials", "v3oidcaccesstoken"])
def test_the_stock_library_logs_in(server: ApiServer, provider: OidcProvider, plugin: str) -> None:
    common = {"auth_url": f"{server.url}/identity/v3", "identity_provider": "house", "protocol": "openid"}
    endpoint = {"discovery_endpoint": f"{provider.issuer}/.well-known/openid-configuration"}
    client = {"client_id": CLIENT, "client_secret": SECRET, **endpoint}
    given = {
        "v3oidcpassword": {**client, "username": "olga", "password": "olgas password"},
        "v3oidcclientcredentials": client,
        "v3oidcaccesstoken": {"access_token": provider.token("olga")},
    }[plugin]
    program = (
        "import sys, json; from keystoneauth1 import loading, session\n"
        "auth = loading.get_plugin_loader(sys.argv[1]).load_from_options(**json.loads(sys.argv[2]))\n"
        "print(session.Session(auth).get_user_id())"
    )
    done = subprocess.run(
        [ROOT / ".venv-clients/bin/python", "-c", program, plugin, json.dumps({**common, **given})],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) == 32
