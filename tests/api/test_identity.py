from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from busway.store.identity_tokens import tokens
from tests.api.serving import PASSWORD, ApiServer


def test_a_password_gives_a_token_with_project_roles_and_catalog(api_server: ApiServer) -> None:
    answer = api_server.authenticate("admin", PASSWORD, "admin")

    token = answer.json()["token"]
    assert answer.status_code == 201
    assert token["project"]["name"] == "admin"
    assert {role["name"] for role in token["roles"]} == {"admin", "manager", "member", "reader"}
    assert {service["type"] for service in token["catalog"]} == {"identity", "compute", "image", "network", "placement"}


def test_an_unscoped_token_becomes_a_scoped_one(api_server: ApiServer) -> None:
    unscoped = api_server.user("ann")
    auth = {
        "identity": {"methods": ["token"], "token": {"id": unscoped}},
        "scope": {"project": {"name": "ann", "domain": {"id": "default"}}},
    }

    answer = httpx.post(f"{api_server.url}/identity/v3/auth/tokens", json={"auth": auth})

    assert answer.json()["token"]["project"]["name"] == "ann"


@pytest.mark.parametrize(("user", "password"), [("admin", "wrong"), ("nobody", PASSWORD)])
def test_a_wrong_password_and_a_wrong_name_say_the_same(api_server: ApiServer, user: str, password: str) -> None:
    answer = api_server.authenticate(user, password, "admin")

    assert answer.status_code == 401
    assert "name or the password is wrong" in answer.json()["error"]["message"]


def test_an_expired_token_says_since_when_and_what_to_do(api_server: ApiServer) -> None:
    client = api_server.client()
    api_server.clock.ahead = timedelta(days=1, seconds=1)

    answer = client.get("/compute/v2.1/servers")

    assert answer.status_code == 401
    assert "expired at" in answer.json()["unauthorized"]["message"]
    assert "openstack token issue" in answer.json()["unauthorized"]["message"]


@pytest.mark.parametrize("token", ["garbage", "x" * 5000])
def test_a_garbage_token_is_refused(api_server: ApiServer, token: str) -> None:
    answer = api_server.client(token).get("/compute/v2.1/servers")

    assert answer.status_code == 401
    assert "www-authenticate" in answer.headers


def test_no_token_is_refused_in_the_shape_of_each_service(api_server: ApiServer) -> None:
    shapes: dict[str, Callable[[httpx.Response], int]] = {
        "/compute/v2.1/servers": lambda answer: answer.json()["unauthorized"]["code"],
        "/identity/v3/projects": lambda answer: answer.json()["error"]["code"],
        "/network/v2.0/networks": lambda answer: 401 if answer.json()["NeutronError"]["message"] else 0,
        "/image/v2/images": lambda answer: 401 if "<title>401" in answer.text else 0,
        "/busway/v1/devices": lambda answer: 401 if answer.json()["error"]["code"] == "token-missing" else 0,
    }

    assert {path: read(httpx.get(api_server.url + path)) for path, read in shapes.items()} == dict.fromkeys(shapes, 401)


def test_a_revoked_token_opens_nothing(api_server: ApiServer) -> None:
    token = api_server.admin
    client = api_server.client(token)

    revoked = client.delete("/identity/v3/auth/tokens", headers={"X-Subject-Token": token})

    assert revoked.status_code == 204
    assert client.get("/compute/v2.1/servers").status_code == 401


def test_the_token_of_another_is_shown_to_admins_only(api_server: ApiServer) -> None:
    admin, ann = api_server.admin, api_server.user("ann")

    shown = api_server.client(admin).get("/identity/v3/auth/tokens", headers={"X-Subject-Token": ann})
    refused = api_server.client(ann).get("/identity/v3/auth/tokens", headers={"X-Subject-Token": admin})

    assert shown.json()["token"]["user"]["name"] == "ann"
    assert refused.status_code == 403


def test_neither_tokens_nor_passwords_are_stored_in_clear(api_server: ApiServer) -> None:
    token = api_server.admin

    with api_server.control.db.read() as tx:
        rows = [str(row) for row in tx.execute(tokens.select())]
    dump = "".join(rows) + (api_server.control.state / "busway.db").read_bytes().decode("latin-1")

    assert rows
    assert token not in dump
    assert PASSWORD not in dump


def test_a_disabled_user_loses_their_tokens(api_server: ApiServer) -> None:
    ann = api_server.user("ann")
    with api_server.client() as admin:
        user = admin.get("/identity/v3/users", params={"name": "ann"}).json()["users"][0]["id"]
        admin.patch(f"/identity/v3/users/{user}", json={"user": {"enabled": False}}).raise_for_status()

    assert api_server.client(ann).get("/compute/v2.1/servers").status_code == 401


def test_a_member_may_not_create_projects(api_server: ApiServer) -> None:
    answer = api_server.client(api_server.user("ann")).post("/identity/v3/projects", json={"project": {"name": "x"}})

    assert answer.status_code == 403
    assert "Policy doesn't allow identity:create_project" in answer.json()["error"]["message"]
    assert "User ann has in project ann the roles member, reader" in answer.json()["error"]["message"]


def test_a_token_of_no_project_reads_as_unscoped(api_server: ApiServer) -> None:
    answer = api_server.authenticate("ann" if api_server.user("ann") else "", "pw", None)

    assert "project" not in answer.json()["token"]
    assert "catalog" not in answer.json()["token"]


def test_a_token_dies_with_the_last_role_in_its_project(api_server: ApiServer) -> None:
    ann = api_server.user("ann")
    admin = api_server.client()
    row = next(
        each
        for each in admin.get("/identity/v3/role_assignments?include_names").json()["role_assignments"]
        if each["user"]["name"] == "ann"
    )
    project, user, role = row["scope"]["project"]["id"], row["user"]["id"], row["role"]["id"]

    admin.delete(f"/identity/v3/projects/{project}/users/{user}/roles/{role}").raise_for_status()

    answer = api_server.client(ann).get("/compute/v2.1/servers")
    assert answer.status_code == 401 and "revoked" in answer.json()["unauthorized"]["message"]
