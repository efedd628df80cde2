"""Every way to log in, and what ends a token."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.api.serving import PASSWORD, ApiServer


def issue(server: ApiServer, identity: dict[str, Any], scope: Any = None) -> httpx.Response:
    auth: dict[str, Any] = {"identity": identity}
    if scope is not None:
        auth["scope"] = scope
    return httpx.post(f"{server.url}/identity/v3/auth/tokens", json={"auth": auth}, timeout=30)


def by_token(token: str) -> dict[str, Any]:
    return {"methods": ["token"], "token": {"id": token}}


def by_password(name: str, password: str) -> dict[str, Any]:
    return {
        "methods": ["password"],
        "password": {"user": {"name": name, "password": password, "domain": {"id": "default"}}},
    }


def user_id(server: ApiServer, name: str) -> str:
    return str(server.client().get("/identity/v3/users", params={"name": name}).json()["users"][0]["id"])


def is_alive(server: ApiServer, token: str) -> bool:
    return server.client(token).get("/identity/v3/auth/projects").status_code == 200


def test_each_named_method_must_hold(api_server: ApiServer) -> None:
    token = api_server.user("ann")
    both = {**by_password("ann", "wrong"), **by_token(token), "methods": ["password", "token"]}
    of_two = {**by_password("admin", PASSWORD), **by_token(token), "methods": ["password", "token"]}
    good = {**by_password("ann", "pw"), **by_token(token), "methods": ["password", "token"]}

    assert issue(api_server, both).status_code == 401
    assert issue(api_server, of_two).status_code == 401
    assert issue(api_server, good).json()["token"]["methods"] == ["password", "token"]


def test_revoking_a_token_ends_what_was_made_from_it(api_server: ApiServer) -> None:
    first = api_server.user("ann")
    second = issue(api_server, by_token(first)).headers["x-subject-token"]
    third = issue(api_server, by_token(second)).headers["x-subject-token"]
    other = api_server.token("ann", "pw", "ann")

    api_server.client(first).delete("/identity/v3/auth/tokens", headers={"X-Subject-Token": first})

    assert [is_alive(api_server, each) for each in (first, second, third, other)] == [False, False, False, True]


def test_disabling_a_project_ends_its_tokens_and_their_descendants_for_good(api_server: ApiServer) -> None:
    scoped = api_server.user("ann")
    unscoped = issue(api_server, by_token(scoped), {"unscoped": {}}).headers["x-subject-token"]
    project = api_server.client(scoped).get("/identity/v3/auth/projects").json()["projects"][0]["id"]
    admin = api_server.client()

    for enabled in (False, True):
        admin.patch(f"/identity/v3/projects/{project}", json={"project": {"enabled": enabled}}).raise_for_status()

    assert not is_alive(api_server, scoped)
    assert not is_alive(api_server, unscoped)


def test_a_user_changes_their_own_password_and_their_tokens_end(api_server: ApiServer) -> None:
    token = api_server.user("ann")
    path = f"/identity/v3/users/{user_id(api_server, 'ann')}/password"
    client = api_server.client(token)

    wrong = client.post(path, json={"user": {"original_password": "no", "password": "new"}})
    same = client.post(path, json={"user": {"original_password": "pw", "password": "pw"}})
    done = client.post(path, json={"user": {"original_password": "pw", "password": "new"}})

    assert (wrong.status_code, same.status_code, done.status_code) == (401, 400, 204)
    assert not is_alive(api_server, token)
    assert issue(api_server, by_password("ann", "pw")).status_code == 401
    assert issue(api_server, by_password("ann", "new")).status_code == 201


def test_a_locked_password_is_changed_by_an_admin_only(api_server: ApiServer) -> None:
    client = api_server.client(api_server.user("ann"))
    ann = f"/identity/v3/users/{user_id(api_server, 'ann')}"
    admin = api_server.client()

    admin.patch(ann, json={"user": {"options": {"lock_password": True}}}).raise_for_status()
    locked = client.post(f"{ann}/password", json={"user": {"original_password": "pw", "password": "new"}})
    admin.patch(ann, json={"user": {"options": {"lock_password": None}}}).raise_for_status()
    opened = client.post(f"{ann}/password", json={"user": {"original_password": "pw", "password": "new"}})

    assert (locked.status_code, opened.status_code) == (400, 204)
    assert "lock_password" in locked.text


def test_empty_passwords_are_refused(api_server: ApiServer) -> None:
    api_server.user("ann")
    admin = api_server.client()
    ann = f"/identity/v3/users/{user_id(api_server, 'ann')}"

    assert admin.post("/identity/v3/users", json={"user": {"name": "x", "password": ""}}).status_code == 400
    assert admin.patch(ann, json={"user": {"password": ""}}).status_code == 400
    body = {"user": {"original_password": "pw", "password": ""}}
    assert admin.post(f"{ann}/password", json=body).status_code == 400


def test_a_user_without_a_password_logs_in_with_none(api_server: ApiServer) -> None:
    api_server.user("ann")
    ann = f"/identity/v3/users/{user_id(api_server, 'ann')}"
    api_server.client().patch(ann, json={"user": {"password": None}}).raise_for_status()

    assert [issue(api_server, by_password("ann", each)).status_code for each in ("pw", "!", "")] == [401, 401, 401]


def test_guesses_have_to_wait_longer_and_longer_and_never_long(api_server: ApiServer) -> None:
    api_server.user("ann")
    for _ in range(5):
        assert issue(api_server, by_password("ann", "wrong")).status_code == 401

    early = issue(api_server, by_password("ann", "pw"))
    api_server.clock.ahead += timedelta(seconds=61)
    late = issue(api_server, by_password("ann", "pw"))

    assert early.headers["x-busway-error-code"] == "login-wait"
    assert late.status_code == 201


@pytest.mark.thorough
def test_a_stranger_does_not_keep_a_user_of_the_same_address_out(api_server: ApiServer) -> None:
    api_server.user("ann")
    for number in range(60):
        issue(api_server, by_password(f"name{number}", "wrong"))

    strangers = [
        issue(api_server, by_password(f"other{number}", "wrong")) for number in range(10)
    ]  # each wait is longer

    assert "login-wait" in {each.headers["x-busway-error-code"] for each in strangers}
    assert issue(api_server, by_password("ann", "pw")).status_code == 201


def test_a_role_on_the_system_gives_a_token_that_sees_and_changes_nothing(api_server: ApiServer) -> None:
    api_server.user("ann")
    admin = api_server.client()
    roles = {each["name"]: each["id"] for each in admin.get("/identity/v3/roles").json()["roles"]}
    grant = f"/identity/v3/system/users/{user_id(api_server, 'ann')}/roles/{roles['reader']}"
    refused = issue(api_server, by_password("ann", "pw"), {"system": {"all": True}})
    admin.put(grant).raise_for_status()

    made = issue(api_server, by_password("ann", "pw"), {"system": {"all": True}})
    token = made.headers["x-subject-token"]
    client = api_server.client(token)

    assert refused.status_code == 401
    assert made.json()["token"]["system"] == {"all": True}
    assert client.get("/identity/v3/users").status_code == 200
    assert client.get("/busway/v1/hosts").status_code == 200
    assert client.get("/compute/v2.1/servers").status_code == 403
    assert client.post("/identity/v3/projects", json={"project": {"name": "x"}}).status_code == 403
    admin.delete(grant).raise_for_status()
    assert not is_alive(api_server, token)


@pytest.mark.parametrize("act", ["delete", "disable", "derole", "no password", "disable project"])
def test_the_last_admin_stays(api_server: ApiServer, act: str) -> None:
    admin = api_server.client()
    user = user_id(api_server, "admin")
    project = admin.get("/identity/v3/projects", params={"name": "admin"}).json()["projects"][0]["id"]
    role = admin.get("/identity/v3/roles", params={"name": "admin"}).json()["roles"][0]["id"]

    answer = {
        "delete": lambda: admin.delete(f"/identity/v3/users/{user}"),
        "disable": lambda: admin.patch(f"/identity/v3/users/{user}", json={"user": {"enabled": False}}),
        "derole": lambda: admin.delete(f"/identity/v3/projects/{project}/users/{user}/roles/{role}"),
        "no password": lambda: admin.patch(f"/identity/v3/users/{user}", json={"user": {"password": None}}),
        "disable project": lambda: admin.patch(
            f"/identity/v3/projects/{project}", json={"project": {"enabled": False}}
        ),
    }[act]()

    assert answer.status_code == 409
    assert "openstack role add" in answer.json()["error"]["message"]
    assert is_alive(api_server, api_server.admin)


def test_a_user_inspects_and_revokes_their_own_tokens_and_is_told_when_one_is_dead(api_server: ApiServer) -> None:
    first = api_server.user("ann")
    second, bob = api_server.token("ann", "pw", "ann"), api_server.user("bob")
    path = "/identity/v3/auth/tokens"

    def ask(method: str, token: str, subject: str) -> int:
        headers = {"X-Subject-Token": subject}
        return api_server.client(token).request(method, path, headers=headers).status_code

    before = [ask(method, second, first) for method in ("GET", "HEAD")]
    others = [ask(method, bob, first) for method in ("GET", "HEAD", "DELETE")]
    revoked = ask("DELETE", second, first)
    after = [ask(method, second, first) for method in ("GET", "HEAD", "DELETE")]

    assert issue(api_server, by_token(first)).status_code == 404
    assert (before, others, revoked, after) == ([200, 200], [403, 403, 403], 204, [404, 404, 404])
    assert [ask("GET", second, "no token at all"), ask("GET", bob, first)] == [404, 403]
