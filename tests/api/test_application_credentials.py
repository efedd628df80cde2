"""Application credentials: some of a user's rights, for a program, with an end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from busway.domain.application_credential import AccessRule
from tests.api.serving import ApiServer
from tests.api.test_log_in import by_token, is_alive, issue, user_id


def create(server: ApiServer, token: str, **fields: Any) -> httpx.Response:
    path = f"/identity/v3/users/{user_id(server, 'ann')}/application_credentials"
    body = {"application_credential": {"name": "ci", **fields}}
    return server.client(token).post(path, json=body)


def log_in(server: ApiServer, made: httpx.Response) -> httpx.Response:
    given = made.json()["application_credential"]
    wanted = {"id": given["id"], "secret": given["secret"]}
    return issue(server, {"methods": ["application_credential"], "application_credential": wanted})


def test_a_program_gets_some_of_its_users_roles_in_one_project(api_server: ApiServer) -> None:
    made = create(api_server, api_server.user("ann"), roles=[{"name": "reader"}])

    answer = log_in(api_server, made)

    token = answer.json()["token"]
    assert token["project"]["name"] == "ann"
    assert [role["name"] for role in token["roles"]] == ["reader"]
    client = api_server.client(answer.headers["x-subject-token"])
    assert client.get("/compute/v2.1/servers").status_code == 200
    assert client.post("/compute/v2.1/os-server-groups", json={}).status_code == 403


def test_it_shows_the_roles_that_were_given_and_its_tokens_have_what_they_imply(api_server: ApiServer) -> None:
    made = create(api_server, api_server.user("ann"), roles=[{"name": "member"}])
    answer = log_in(api_server, made)

    assert [role["name"] for role in made.json()["application_credential"]["roles"]] == ["member"]
    assert {role["name"] for role in answer.json()["token"]["roles"]} == {"member", "reader"}
    client = api_server.client(answer.headers["x-subject-token"])
    assert client.post("/compute/v2.1/os-server-groups", json={}).status_code == 400
    assert client.get("/compute/v2.1/servers").status_code == 200


def test_nobody_gives_away_what_they_do_not_have(api_server: ApiServer) -> None:
    assert create(api_server, api_server.user("ann"), roles=[{"name": "admin"}]).status_code == 400


def test_it_ends_when_its_user_loses_the_role_or_takes_it_back(api_server: ApiServer) -> None:
    ann = api_server.user("ann")
    made = create(api_server, ann)
    token = log_in(api_server, made).headers["x-subject-token"]
    path = f"/identity/v3/users/{user_id(api_server, 'ann')}/application_credentials"

    api_server.client(ann).delete(f"{path}/{made.json()['application_credential']['id']}").raise_for_status()

    assert not is_alive(api_server, token)
    assert log_in(api_server, made).status_code == 401


def test_one_ends_in_a_year_that_there_is(api_server: ApiServer) -> None:
    assert create(api_server, api_server.user("ann"), expires_at="9999-12-31T23:59:59-23:59").status_code == 400


def test_an_expired_one_opens_nothing_and_its_tokens_end_with_it(api_server: ApiServer) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=5)
    made = create(api_server, api_server.user("ann"), expires_at=soon.isoformat())
    token = log_in(api_server, made).headers["x-subject-token"]

    api_server.clock.ahead = timedelta(minutes=6)

    assert not is_alive(api_server, token)
    assert log_in(api_server, made).status_code == 401


def test_access_rules_permit_what_they_name_and_nothing_else(api_server: ApiServer) -> None:
    rules = [{"service": "compute", "method": "GET", "path": "/v2.1/servers/**"}]
    token = log_in(api_server, create(api_server, api_server.user("ann"), access_rules=rules)).headers[
        "x-subject-token"
    ]
    client = api_server.client(token)

    assert client.get("/compute/v2.1/servers").status_code == 200
    assert client.get("/compute/v2.1/servers/detail").status_code == 200
    assert client.get("/compute/v2.1/flavors").status_code == 403
    assert client.post("/compute/v2.1/servers", json={}).status_code == 403


def test_a_restricted_one_makes_no_other_and_no_token_of_another_project(api_server: ApiServer) -> None:
    token = log_in(api_server, create(api_server, api_server.user("ann"))).headers["x-subject-token"]
    free = log_in(api_server, create(api_server, api_server.token("ann", "pw", "ann"), name="free", unrestricted=True))

    assert create(api_server, token, name="second").status_code == 403
    assert create(api_server, free.headers["x-subject-token"], name="third").status_code == 201
    scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
    assert issue(api_server, by_token(token), scope).status_code == 401


@pytest.mark.parametrize(
    ("rule", "path", "permitted"),
    [
        ("/v2.1/servers", "/v2.1/servers", True),
        ("/v2.1/servers", "/v2.1/servers/1", False),
        ("/v2.1/servers/*", "/v2.1/servers/1", True),
        ("/v2.1/servers/{id}/ips", "/v2.1/servers/1/ips", True),
        ("/v2.1/servers/*", "/v2.1/servers/1/ips", False),
        ("/v2.1/**", "/v2.1", True),
        ("/v2.1/**/ips", "/v2.1/servers/1/ips", True),
        ("/**", "/anything/at/all", True),
    ],
)
def test_a_path_of_a_rule_stands_for_these(rule: str, path: str, permitted: bool) -> None:
    assert AccessRule("r", "compute", "GET", rule).permits("compute", "get", path) is permitted
