"""Passcodes beside passwords, and the rules that ask for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from busway.domain.totp import passcode, read_secret, step_of
from tests.api.identity import PASSWORD, ROOT, Identity
from tests.api.serving import ApiServer

BLOB = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
BOTH = ["password", "totp"]


class Person:
    """A user with a secret, who logs in by some methods."""

    def __init__(self, server: ApiServer) -> None:
        self.server, self.admin = server, Identity(server)
        self.id = self.admin.user("ann")
        project = self.admin.project("p")
        self.admin.give(f"projects/{project}/users/{self.id}")
        self.scope = {"project": {"id": project}}
        self.admin.make("credentials", "credential", type="totp", blob=BLOB, user_id=self.id)

    def rules(self, *rules: list[str], enabled: bool = True) -> None:
        options = {"multi_factor_auth_enabled": enabled, "multi_factor_auth_rules": list(rules)}
        self.admin.patch(f"users/{self.id}", "user", options=options).raise_for_status()

    def code(self) -> str:
        return passcode(read_secret(BLOB), step_of(self.server.control.now()))

    def log_in(self, *methods: str, code: str = "", password: str = PASSWORD, **more: Any) -> httpx.Response:
        identity: dict[str, Any] = {"methods": [*methods, *more], **more}
        if "password" in methods:
            identity["password"] = {"user": {"id": self.id, "password": password}}
        if "totp" in methods:
            user = {"name": "ann", "domain": {"id": "default"}, "passcode": code or self.code()}
            identity["totp"] = {"user": user}
        return self.admin.http.post(f"{ROOT}/auth/tokens", json={"auth": {"identity": identity, "scope": self.scope}})

    def next_code(self) -> None:
        self.server.clock.ahead += timedelta(seconds=60)


@pytest.fixture
def ann(api_server: ApiServer) -> Person:
    return Person(api_server)


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.headers.get("x-busway-error-code", "")


def test_all_methods_of_one_rule_are_needed(ann: Person) -> None:
    ann.rules(BOTH, ["application_credential"])

    alone = [ann.log_in("password"), ann.log_in("totp")]
    both = ann.log_in(*BOTH)

    assert [error(each) for each in alone] == [(401, "auth-factors")] * 2
    assert "password with totp, or application_credential" in alone[0].text
    assert both.status_code == 201
    assert both.json()["token"]["methods"] == BOTH


def test_rules_hold_while_they_are_enabled(ann: Person) -> None:
    ann.rules(BOTH, enabled=False)
    before = ann.log_in("password")
    ann.rules(BOTH)
    held = ann.log_in("password")
    ann.rules()

    assert (before.status_code, held.status_code, ann.log_in("password").status_code) == (201, 401, 201)


def test_a_token_of_both_gives_others_and_an_older_one_no_more(ann: Person) -> None:
    older = ann.log_in("password").headers["x-subject-token"]
    ann.rules(BOTH)
    both = ann.log_in(*BOTH).headers["x-subject-token"]

    assert error(ann.log_in(token={"id": older})) == (401, "auth-factors")
    assert ann.log_in(token={"id": both}).json()["token"]["methods"] == ["password", "token", "totp"]


def test_a_passcode_opens_once(ann: Person) -> None:
    code = ann.code()
    first = ann.log_in(*BOTH, code=code)
    again = [ann.log_in(*BOTH, code=code), ann.log_in("totp", code=code)]
    stepped = ann.log_in("totp", code=code, token={"id": ann.admin.log_in(ann.id).headers["x-subject-token"]})
    ann.next_code()
    ann.log_in(token={"id": first.headers["x-subject-token"]})  # a token made of a token is no log-in

    assert first.status_code == 201
    assert [error(each) for each in (*again, stepped)] == [(401, "passcode-used")] * 3
    assert ann.log_in(*BOTH).status_code == 201


def test_a_wrong_passcode_opens_nothing_and_guesses_wait(ann: Person) -> None:
    wrong = "000000" if ann.code() != "000000" else "000001"

    guesses = [error(ann.log_in(*BOTH, code=wrong)) for _ in range(6)]

    assert guesses == [(401, "wrong-passcode")] * 5 + [(401, "login-wait")]
    assert error(ann.log_in("totp", code="é")) == (401, "login-wait")


def test_who_gives_a_passcode_is_named_in_each_way(ann: Person) -> None:
    def by(**user: Any) -> int:
        ann.next_code()
        identity = {"methods": ["totp"], "totp": {"user": {"passcode": ann.code(), **user}}}
        return ann.admin.http.post(f"{ROOT}/auth/tokens", json={"auth": {"identity": identity}}).status_code

    assert (
        by(id=ann.id) == by(name="ann", domain={"id": "default"}) == by(name="ann", domain={"name": "Default"}) == 201
    )
    assert (
        by(id="none-such") == by(name="ann", domain={"id": "other"}) == by(name="ann", domain={"name": "Other"}) == 401
    )


def test_the_passcode_of_another_user_does_not_count(ann: Person) -> None:
    ben = ann.admin.user("ben")
    identity = {"methods": BOTH, "password": {"user": {"id": ben, "password": PASSWORD}}}
    identity["totp"] = {"user": {"id": ann.id, "passcode": ann.code()}}

    answer = ann.admin.http.post(f"{ROOT}/auth/tokens", json={"auth": {"identity": identity}})

    assert error(answer) == (401, "auth-method")


def test_what_is_no_secret_is_not_kept(ann: Person) -> None:
    kept = ann.admin.get("credentials", type="totp").json()["credentials"][0]["id"]

    made = ann.admin.post("credentials", "credential", type="totp", blob="hello", user_id=ann.id)
    changed = ann.admin.patch(f"credentials/{kept}", "credential", blob="hello")

    assert [error(each) for each in (made, changed)] == [(400, "credential-blob")] * 2
    assert ann.log_in("totp").status_code == 201


@pytest.mark.parametrize("rules", [[["password", "fax"]], [[]], [["totp", "totp"]], ["totp"]])
def test_rules_of_what_there_is_not_are_refused(ann: Person, rules: list[Any]) -> None:
    answer = ann.admin.patch(f"users/{ann.id}", "user", options={"multi_factor_auth_rules": rules})

    assert answer.status_code == 400


def test_recovery_lets_admin_in_by_password_alone(ann: Person) -> None:
    from busway.control.identity.directory import recover_admin

    admin = ann.admin.get("users", name="admin").json()["users"][0]["id"]
    options = {"multi_factor_auth_enabled": True, "multi_factor_auth_rules": [["totp"]]}
    ann.admin.patch(f"users/{admin}", "user", options=options).raise_for_status()
    assert ann.admin.log_in(admin, password="admin-pw").status_code == 401

    recover_admin(ann.server.control, PASSWORD)

    assert ann.admin.log_in(admin).status_code == 201
