"""Tokens for requests that are signed with an access key, which a service or an admin hands in."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.api.serving import ApiServer

EC2 = "/identity/v3/ec2tokens"
SCOPE_END = "eu/ec2/aws4_request"


def key_of(server: ApiServer, token: str) -> dict[str, Any]:
    """A new access key of a user."""
    client = server.client(token)
    me = client.get("/identity/v3/auth/tokens", headers={"X-Subject-Token": token}).json()["token"]
    url = f"/identity/v3/users/{me['user']['id']}/credentials/OS-EC2"
    answer = client.post(url, json={"tenant_id": me["project"]["id"]})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["credential"]
    return made


def version_2(key: dict[str, Any], at: datetime, **more: Any) -> dict[str, Any]:
    """A request of version 2, as a service that got it hands it in."""
    params = {
        "Action": "DescribeInstances",
        "AWSAccessKeyId": key["access"],
        "SignatureMethod": "HmacSHA256",
        "SignatureVersion": "2",
        "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Filter 1": "a~b/c ü",
    }
    query = "&".join(f"{quote(n, safe='-_.~')}={quote(params[n], safe='-_.~')}" for n in sorted(params))
    text = f"GET\nec2.example\n/services\n{query}"
    made = hmac.new(key["secret"].encode(), text.encode(), hashlib.sha256).digest()
    return {
        "access": key["access"],
        "signature": base64.b64encode(made).decode(),
        "host": "ec2.example",
        "verb": "GET",
        "path": "/services",
        "params": params,
        **more,
    }


def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def version_4(key: dict[str, Any], at: datetime, **more: Any) -> dict[str, Any]:
    """The same of version 4, with its header."""
    time, scope = at.strftime("%Y%m%dT%H%M%SZ"), f"{at:%Y%m%d}/{SCOPE_END}"
    body_hash = hashlib.sha256(b"Action=DescribeInstances").hexdigest()
    canonical = f"POST\n/\n\nhost:ec2.example\nx-amz-date:{time}\n\nhost;x-amz-date\n{body_hash}"
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(_signing_key(key["secret"], scope), text.encode(), hashlib.sha256).hexdigest()
    told = f"AWS4-HMAC-SHA256 Credential={key['access']}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}"
    return {
        "access": key["access"],
        "signature": signature,
        "host": "ec2.example",
        "verb": "POST",
        "path": "/",
        "params": {},
        "headers": {"X-Amz-Date": time, "Authorization": told, "Host": "ec2.example"},
        "body_hash": body_hash,
        **more,
    }


def ask(server: ApiServer, given: dict[str, Any], client: httpx.Client | None = None) -> httpx.Response:
    return (client or server.client()).post(EC2, json={"credentials": given})


@pytest.mark.parametrize("sign", [version_2, version_4])
def test_a_signed_request_is_a_token_of_its_users_project(api_server: ApiServer, sign: Any) -> None:
    token = api_server.user("ann")
    key = key_of(api_server, token)

    answer = ask(api_server, sign(key, datetime.now(UTC)))

    assert answer.status_code == 200, answer.text
    told = answer.json()["token"]
    assert (told["user"]["name"], told["project"]["id"], told["methods"]) == (
        "ann",
        key["tenant_id"],
        ["ec2credential"],
    )
    assert [role["name"] for role in told["roles"]] == ["member", "reader"] or "member" in str(told["roles"])
    ann = api_server.client(answer.headers["x-subject-token"])
    assert ann.get("/compute/v2.1/servers").status_code == 200
    assert ann.get("/identity/v3/users").status_code == 403


def test_the_older_name_of_a_signed_request_is_read_too(api_server: ApiServer) -> None:
    signed = version_4(key_of(api_server, api_server.user("ann")), datetime.now(UTC))

    answer = api_server.client().post(EC2, json={"ec2Credentials": signed})

    assert answer.status_code == 200, answer.text


def test_only_a_service_or_an_admin_hands_requests_in(api_server: ApiServer) -> None:
    token = api_server.user("ann")
    signed = version_4(key_of(api_server, token), datetime.now(UTC))

    assert httpx.post(f"{api_server.url}{EC2}", json={"credentials": signed}).status_code == 401
    assert ask(api_server, signed, api_server.client(token)).status_code == 403
    service = api_server.client(api_server.user("nova-ec2", "service"))
    assert ask(api_server, signed, service).status_code == 200


@pytest.mark.parametrize(
    ("sign", "change"),
    [
        (version_2, {"signature": "x"}),
        (version_2, {"verb": "POST"}),
        (version_2, {"host": "other.example"}),
        (version_2, {"path": "/other"}),
        (version_2, {"access": "0" * 32}),
        (version_4, {"signature": "0" * 64}),
        (version_4, {"verb": "GET"}),
        (version_4, {"path": "/other"}),
        (version_4, {"body_hash": "0" * 64}),
        (version_4, {"access": "0" * 32}),
        (version_4, {"params": {"Action": "DeleteAll"}}),
    ],
)
def test_what_was_not_signed_is_refused(api_server: ApiServer, sign: Any, change: dict[str, Any]) -> None:
    key = key_of(api_server, api_server.user("ann"))

    answer = ask(api_server, sign(key, datetime.now(UTC), **change))

    assert (answer.status_code, answer.headers["x-busway-error-code"]) == (401, "ec2-signature")


@pytest.mark.parametrize("sign", [version_2, version_4])
@pytest.mark.parametrize("minutes", [-20, 20])
def test_an_old_or_early_signature_is_refused(api_server: ApiServer, sign: Any, minutes: int) -> None:
    key = key_of(api_server, api_server.user("ann"))

    assert ask(api_server, sign(key, datetime.now(UTC) + timedelta(minutes=minutes))).status_code == 401


def test_older_forms_of_signatures_are_refused(api_server: ApiServer) -> None:
    key = key_of(api_server, api_server.user("ann"))
    for change in ({"SignatureVersion": "1"}, {"SignatureMethod": "HmacSHA1"}, {"SignatureVersion": "0"}):
        signed = version_2(key, datetime.now(UTC))
        signed["params"] |= change

        answer = ask(api_server, signed)

        assert (answer.status_code, answer.headers["x-busway-error-code"]) == (400, "ec2-signature-form")


def test_a_key_that_is_deleted_ends_its_tokens(api_server: ApiServer) -> None:
    token = api_server.user("ann")
    key = key_of(api_server, token)
    made = ask(api_server, version_4(key, datetime.now(UTC))).headers["x-subject-token"]
    assert api_server.client(made).get("/compute/v2.1/servers").status_code == 200

    url = f"/identity/v3/users/{key['user_id']}/credentials/OS-EC2/{key['access']}"
    api_server.client(token).delete(url).raise_for_status()

    assert api_server.client(made).get("/compute/v2.1/servers").status_code == 401
    assert ask(api_server, version_4(key, datetime.now(UTC))).status_code == 401


def test_a_disabled_user_has_no_signature(api_server: ApiServer) -> None:
    key = key_of(api_server, api_server.user("ann"))
    url = f"/identity/v3/users/{key['user_id']}"
    api_server.client().patch(url, json={"user": {"enabled": False}}).raise_for_status()

    assert ask(api_server, version_4(key, datetime.now(UTC))).status_code == 401


def test_a_storage_service_hands_in_the_text_that_was_signed(api_server: ApiServer) -> None:
    key, now = key_of(api_server, api_server.user("ann")), datetime.now(UTC)

    def given(at: datetime, secret: str) -> dict[str, str]:
        scope = f"{at:%Y%m%d}/{SCOPE_END}"
        text = f"AWS4-HMAC-SHA256\n{at:%Y%m%dT%H%M%SZ}\n{scope}\n{'0' * 64}"
        signature = hmac.new(_signing_key(secret, scope), text.encode(), hashlib.sha256).hexdigest()
        return {"access": key["access"], "token": base64.b64encode(text.encode()).decode(), "signature": signature}

    def answer(credentials: dict[str, str]) -> httpx.Response:
        return api_server.client().post("/identity/v3/s3tokens", json={"credentials": credentials})

    good = answer(given(now, key["secret"]))
    assert (good.status_code, good.json()["token"]["user"]["name"]) == (200, "ann")
    assert answer(given(now, "another secret")).status_code == 401
    assert answer(given(now - timedelta(hours=1), key["secret"])).status_code == 401
    assert answer({**given(now, key["secret"]), "token": "???"}).status_code == 400
    old = base64.b64encode(b"GET\n\n\ndate\n/bucket").decode()
    assert answer({**given(now, key["secret"]), "token": old}).status_code == 400
