"""Trusts: some of a user's roles in another's hands, for as long and as often as was said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from busway.domain.trust import MOST_REDELEGATIONS
from busway.store.audit import AuditFilter, list_records
from tests.api.identity import PASSWORD, Identity, on_project, roles_of
from tests.api.serving import ApiServer
from tests.api.test_log_in import is_alive

TRUSTS = "OS-TRUST/trusts"


class Pair:
    """A trustor with two roles in project lab, and a trustee who has none there."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.admin = Identity(server)
        self.lab = self.admin.project("lab")
        self.ann, self.ben, self.cyd = (self.admin.user(name) for name in ("ann", "ben", "cyd"))
        self.admin.give(f"projects/{self.lab}/users/{self.ann}", "manager")
        self.trustor = self.admin.as_user(self.ann, on_project(self.lab))

    def ask(self, who: Identity | None = None, **fields: Any) -> httpx.Response:
        given = {
            "trustor_user_id": self.ann,
            "trustee_user_id": self.ben,
            "project_id": self.lab,
            "impersonation": False,
            "roles": [{"name": "member"}],
            **fields,
        }
        return (who or self.trustor).post(TRUSTS, "trust", **given)

    def trust(self, who: Identity | None = None, **fields: Any) -> str:
        answer = self.ask(who, **fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["trust"]["id"])

    def log_in(self, trust: str, user: str | None = None) -> httpx.Response:
        return self.admin.log_in(user or self.ben, {"OS-TRUST:trust": {"id": trust}})

    def token(self, trust: str, user: str | None = None) -> str:
        answer = self.log_in(trust, user)
        assert answer.status_code == 201, answer.text
        return str(answer.headers["x-subject-token"])


@pytest.fixture
def pair(api_server: ApiServer) -> Pair:
    return Pair(api_server)


def test_a_trustee_acts_with_the_roles_of_the_trust_and_no_others(pair: Pair) -> None:
    trust = pair.trust()

    answer = pair.log_in(trust)
    token = answer.json()["token"]
    client = pair.server.client(answer.headers["x-subject-token"])

    assert token["user"]["id"] == pair.ben
    assert (token["project"]["id"], roles_of(answer)) == (pair.lab, {"member", "reader"})
    assert token["OS-TRUST:trust"] == {
        "id": trust,
        "impersonation": False,
        "trustor_user": {"id": pair.ann},
        "trustee_user": {"id": pair.ben},
    }
    assert client.get("/compute/v2.1/servers").status_code == 200
    assert client.get("/compute/v2.1/os-migrations").status_code == 403


def test_with_impersonation_the_token_is_the_trustors_and_the_audit_names_the_trust(pair: Pair) -> None:
    trust = pair.trust(impersonation=True)

    answer = pair.log_in(trust)
    group = {"server_group": {"name": "g", "policies": ["affinity"]}}
    client = pair.server.client(answer.headers["x-subject-token"])
    client.post("/compute/v2.1/os-server-groups", json=group).raise_for_status()

    assert answer.json()["token"]["user"]["id"] == pair.ann
    with pair.server.control.db.read() as tx:
        newest, login = list_records(tx, AuditFilter(limit=2))
    assert (newest.user_id, newest.credential_id) == (pair.ann, trust)
    assert (login.user_id, login.credential_id) == (pair.ben, trust)


@pytest.mark.parametrize("impersonation", [True, False])
def test_it_ends_with_what_it_rests_on(pair: Pair, impersonation: bool) -> None:
    role = f"projects/{pair.lab}/users/{pair.ann}"

    def given() -> tuple[str, str]:
        trust = pair.trust(impersonation=impersonation)
        return trust, pair.token(trust)

    trust, token = given()
    pair.admin.delete(pair.admin.grant(role, "manager")).raise_for_status()
    assert not is_alive(pair.server, token)
    assert pair.log_in(trust).status_code == 403
    pair.admin.give(role, "manager")
    assert not is_alive(pair.server, token), "what was revoked stays so"

    pair.trustor = pair.admin.as_user(pair.ann, on_project(pair.lab))
    trust, token = given()
    pair.trustor.delete(f"{TRUSTS}/{trust}").raise_for_status()
    assert not is_alive(pair.server, token)
    assert pair.log_in(trust).status_code == 403

    trust, token = given()
    pair.admin.patch(f"users/{pair.ben}", "user", enabled=False).raise_for_status()
    assert not is_alive(pair.server, token)
    pair.admin.patch(f"users/{pair.ben}", "user", enabled=True).raise_for_status()

    token = pair.token(trust)
    pair.admin.patch(f"users/{pair.ann}", "user", enabled=False).raise_for_status()
    assert not is_alive(pair.server, token)
    assert pair.log_in(trust).status_code == 403


def test_a_role_that_a_group_gave_ends_it_too(pair: Pair) -> None:
    crew = pair.admin.group("crew", pair.ann)
    pair.admin.give(f"projects/{pair.lab}/groups/{crew}", "admin")
    trustor = pair.admin.as_user(pair.ann, on_project(pair.lab))
    token = pair.token(pair.trust(trustor, roles=[{"name": "admin"}]))

    pair.admin.delete(f"groups/{crew}/users/{pair.ann}").raise_for_status()

    assert not is_alive(pair.server, token)


def test_it_is_used_as_often_as_was_said_and_no_longer_than_was_said(pair: Pair) -> None:
    soon = (pair.server.control.now() + timedelta(minutes=5)).isoformat()
    once, short = pair.trust(remaining_uses=1), pair.trust(expires_at=soon)

    first, second = pair.log_in(once), pair.log_in(once)
    token = pair.log_in(short)

    assert (first.status_code, second.status_code) == (201, 403)
    assert pair.trustor.get(f"{TRUSTS}/{once}").json()["trust"]["remaining_uses"] == 0
    assert token.json()["token"]["expires_at"] == pair.trustor.get(f"{TRUSTS}/{short}").json()["trust"]["expires_at"]
    pair.server.clock.ahead += timedelta(minutes=6)
    assert not is_alive(pair.server, token.headers["x-subject-token"])
    assert pair.trustor.get(f"{TRUSTS}/{short}").status_code == 404
    assert pair.log_in(short).status_code == 403


def test_only_the_trustee_uses_it_and_its_tokens_give_no_others(pair: Pair) -> None:
    trust = pair.trust()
    token = pair.token(trust)
    by_token = {"methods": ["token"], "token": {"id": token}}

    other = pair.log_in(trust, pair.cyd).status_code
    again = pair.admin.http.post("/identity/v3/auth/tokens", json={"auth": {"identity": by_token}}).status_code

    assert (other, again) == (403, 403)


def test_a_user_gives_only_what_is_theirs(pair: Pair) -> None:
    ben = pair.admin.as_user(pair.ben)
    wanted = [
        pair.ask(ben),
        pair.ask(roles=[{"name": "admin"}]),
        pair.ask(roles=[]),
        pair.ask(project_id=pair.admin.project("other")),
        pair.ask(pair.admin),
    ]

    assert [each.status_code for each in wanted] == [403] * 5


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"expires_at": "bad.123Z"}, 400),
        ({"expires_at": "2001-01-01T00:00:00Z"}, 400),
        ({"expires_at": "9999-12-31T23:59:59-23:59"}, 400),
        ({"remaining_uses": 0}, 400),
        ({"remaining_uses": 2, "allow_redelegation": True}, 400),
        ({"allow_redelegation": True, "redelegation_count": MOST_REDELEGATIONS + 1}, 403),
        ({"trustee_user_id": "none-such"}, 404),
        ({"project_id": "none-such"}, 404),
        ({"colour": "blue"}, 400),
    ],
)
def test_a_trust_that_can_not_be_is_refused(pair: Pair, fields: dict[str, Any], status: int) -> None:
    assert pair.ask(**fields).status_code == status


def test_it_is_handed_on_within_its_bounds_and_ends_with_the_first_one(pair: Pair) -> None:
    soon = (pair.server.control.now() + timedelta(hours=1)).isoformat()
    later = (pair.server.control.now() + timedelta(hours=2)).isoformat()
    first = pair.trust(impersonation=True, allow_redelegation=True, expires_at=soon)
    ben = Identity(pair.server, pair.token(first))

    def handed(**fields: Any) -> httpx.Response:
        return pair.ask(ben, **{"trustee_user_id": pair.cyd, "impersonation": True, **fields})

    refused = [
        handed(expires_at=later),
        handed(roles=[{"name": "manager"}]),
        handed(allow_redelegation=True, redelegation_count=MOST_REDELEGATIONS),
    ]
    made = handed(allow_redelegation=True).json()["trust"]
    token = pair.token(made["id"], pair.cyd)
    kept = ben.delete(f"{TRUSTS}/{made['id']}").status_code
    pair.trustor.delete(f"{TRUSTS}/{first}").raise_for_status()

    assert [each.status_code for each in refused] == [403] * 3
    assert (made["redelegated_trust_id"], made["redelegation_count"]) == (first, MOST_REDELEGATIONS - 1)
    assert made["expires_at"] is not None and kept == 403
    assert not is_alive(pair.server, token)
    assert pair.admin.get(TRUSTS).json()["trusts"] == []


def test_it_is_not_handed_on_unless_that_was_allowed(pair: Pair) -> None:
    ben = Identity(pair.server, pair.token(pair.trust(impersonation=True)))

    assert pair.ask(ben, trustee_user_id=pair.cyd).status_code == 403


def test_what_was_handed_on_ends_with_the_user_in_between(pair: Pair) -> None:
    first = pair.trust(impersonation=True, allow_redelegation=True)
    second = pair.trust(Identity(pair.server, pair.token(first)), trustee_user_id=pair.cyd, impersonation=True)
    token = pair.token(second, pair.cyd)

    pair.admin.delete(f"users/{pair.ben}").raise_for_status()

    assert not is_alive(pair.server, token)
    assert pair.log_in(second, pair.cyd).status_code == 403


def test_a_token_of_a_trust_makes_no_credentials(pair: Pair) -> None:
    ben = Identity(pair.server, pair.token(pair.trust(impersonation=True)))

    answers = [
        ben.post(f"users/{pair.ann}/application_credentials", "application_credential", name="ci"),
        ben.post("credentials", "credential", type="cert", blob="x"),
        ben.http.post(f"/identity/v3/users/{pair.ann}/credentials/OS-EC2", json={"tenant_id": pair.lab}),
        ben.delete(f"users/{pair.ann}/access_rules/none-such"),
    ]

    assert [each.status_code for each in answers] == [403] * 4


def test_its_two_users_and_admins_see_it(pair: Pair) -> None:
    trust = pair.trust()
    ben, cyd = pair.admin.as_user(pair.ben), pair.admin.as_user(pair.cyd)

    def ids(answer: httpx.Response) -> list[str]:
        return [each["id"] for each in answer.json()["trusts"]]

    assert ids(pair.trustor.get(TRUSTS, trustor_user_id=pair.ann)) == [trust]
    assert ids(ben.get(TRUSTS, trustee_user_id=pair.ben)) == [trust]
    assert ids(pair.admin.get(TRUSTS)) == [trust]
    assert ids(cyd.get(TRUSTS, trustee_user_id=pair.cyd)) == []
    assert [cyd.get(TRUSTS, trustor_user_id=pair.ann).status_code, ben.get(TRUSTS).status_code] == [403, 403]
    assert [who.get(f"{TRUSTS}/{trust}").status_code for who in (pair.trustor, ben, pair.admin)] == [200] * 3
    assert [cyd.get(f"{TRUSTS}/{trust}").status_code, ben.delete(f"{TRUSTS}/{trust}").status_code] == [403, 403]
    roles = {each["name"]: each["id"] for each in ben.get(f"{TRUSTS}/{trust}/roles").json()["roles"]}
    assert set(roles) == {"member"}
    assert ben.get(f"{TRUSTS}/{trust}/roles/{roles['member']}").status_code == 200
    assert ben.get(f"{TRUSTS}/{trust}/roles/{pair.admin.role('admin')}").status_code == 404


def test_a_program_gives_no_trust_and_uses_none(pair: Pair) -> None:
    path = f"users/{pair.ann}/application_credentials"
    made = pair.trustor.post(path, "application_credential", name="ci").json()["application_credential"]
    identity = {
        "methods": ["application_credential"],
        "application_credential": {"id": made["id"], "secret": made["secret"]},
    }
    answer = pair.admin.http.post("/identity/v3/auth/tokens", json={"auth": {"identity": identity}})
    program = Identity(pair.server, answer.headers["x-subject-token"])
    to_ann = pair.trust(trustee_user_id=pair.ann)
    scoped = {"auth": {"identity": identity, "scope": {"OS-TRUST:trust": {"id": to_ann}}}}

    assert pair.ask(program).status_code == 403
    assert pair.admin.http.post("/identity/v3/auth/tokens", json=scoped).status_code == 403


def test_the_password_of_either_user_ends_its_tokens(pair: Pair) -> None:
    token = pair.token(pair.trust(impersonation=True))

    path = f"/identity/v3/users/{pair.ben}/password"
    body = {"user": {"original_password": PASSWORD, "password": "another one"}}
    pair.admin.http.post(path, json=body).raise_for_status()

    assert not is_alive(pair.server, token)
