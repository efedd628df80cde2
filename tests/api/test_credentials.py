"""Credentials that users keep: sealed at rest, told to their owners, and never in a list."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from busway.control.identity import vault
from busway.domain.credential import AccessKey
from busway.domain.errors import Unavailable
from busway.pki.sealing import Sealer, make_sealing_key
from busway.store.audit import AuditFilter, list_records
from tests.api.identity import Identity, on_project
from tests.api.serving import ApiServer


@pytest.fixture
def admin(api_server: ApiServer) -> Identity:
    return Identity(api_server)


class Person:
    """A member of a project of their own."""

    def __init__(self, admin: Identity, name: str) -> None:
        self.project = admin.project(name)
        self.id = admin.user(name)
        admin.give(f"projects/{self.project}/users/{self.id}")
        self.api = admin.as_user(self.id, on_project(self.project))

    def keep(self, **fields: Any) -> str:
        return self.api.make("credentials", "credential", **{"type": "cert", "blob": "the-secret", **fields})

    @property
    def keys(self) -> str:
        return f"users/{self.id}/credentials/OS-EC2"

    def access_key(self) -> dict[str, str]:
        answer = self.api.http.post(f"/identity/v3/{self.keys}", json={"tenant_id": self.project})
        assert answer.status_code == 201, answer.text
        made: dict[str, str] = answer.json()["credential"]
        return made


def test_a_user_keeps_changes_and_removes_what_only_they_are_told(admin: Identity) -> None:
    ann = Person(admin, "ann")
    kept = ann.keep()

    shown = ann.api.get(f"credentials/{kept}").json()["credential"]
    ann.api.patch(f"credentials/{kept}", "credential", blob="another").raise_for_status()
    changed = ann.api.get(f"credentials/{kept}").json()["credential"]
    ann.api.delete(f"credentials/{kept}").raise_for_status()

    assert (shown["blob"], shown["type"], shown["user_id"], shown["project_id"]) == ("the-secret", "cert", ann.id, None)
    assert changed["blob"] == "another"
    assert admin.get(f"credentials/{kept}").status_code == 404
    assert ann.api.get(f"credentials/{kept}").status_code == 403  # as for one of somebody else


def test_others_and_readers_of_the_system_are_told_no_secret(admin: Identity) -> None:
    ann, bob = Person(admin, "ann"), Person(admin, "bob")
    kept, key = ann.keep(), ann.access_key()["access"]
    auditor = admin.user("auditor")
    admin.give(f"system/users/{auditor}", "reader")
    system = admin.as_user(auditor, {"system": {"all": True}})

    paths = (f"credentials/{kept}", f"{ann.keys}/{key}")
    refused = [who.get(path).status_code for who in (bob.api, system) for path in paths]

    assert refused == [403] * 4
    assert bob.api.get("credentials").json()["credentials"] == []
    assert bob.api.get("credentials", user_id=ann.id).json()["credentials"] == []
    assert bob.api.get(ann.keys).status_code == 403
    assert kept in [each["id"] for each in system.get("credentials").json()["credentials"]]
    assert bob.api.delete(f"credentials/{kept}").status_code == 403
    assert bob.api.post("credentials", "credential", type="cert", blob="x", user_id=ann.id).status_code == 403


def test_no_list_holds_a_secret(admin: Identity) -> None:
    ann = Person(admin, "ann")
    ann.keep()
    secret = ann.access_key()["secret"]

    lists = [who.get(path).text for who in (ann.api, admin) for path in ("credentials", ann.keys)]

    assert all('"id"' in each or '"access"' in each for each in lists)
    assert not any("the-secret" in each or secret in each for each in lists)


def test_the_database_holds_no_secret_and_another_key_opens_nothing(
    admin: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = Person(admin, "ann")
    kept, key = ann.keep(), ann.access_key()
    control = admin.server.control
    with control.db.read() as tx:
        stored = str(tx.execute(text("SELECT * FROM credentials")).all())

    assert "the-secret" not in stored and key["secret"] not in stored and key["access"] not in stored
    assert (control.state / vault.KEY_FILE).stat().st_mode & 0o777 == 0o600

    other = Sealer(make_sealing_key())
    monkeypatch.setattr(vault, "_read", lambda _path: other)
    assert ann.api.get(f"credentials/{kept}").status_code == 503
    assert ann.api.post("credentials", "credential", type="cert", blob="x").status_code == 503


def test_a_sealed_secret_opens_for_its_owner_only() -> None:
    sealer = Sealer(make_sealing_key())
    sealed = sealer.seal("the-secret", "a")

    assert sealer.unseal(sealed, "a") == "the-secret"
    assert sealer.seal("the-secret", "a") != sealed
    with pytest.raises(ValueError):
        sealer.unseal(sealed, "b")


def test_a_key_file_that_is_none_is_told(admin: Identity) -> None:
    (admin.server.control.state / vault.KEY_FILE).write_text("nonsense")

    with pytest.raises(Unavailable, match="can't be read"):
        vault.sealer(admin.server.control)


def test_an_access_key_is_made_shown_and_removed(admin: Identity) -> None:
    ann = Person(admin, "ann")
    made = ann.access_key()

    shown = ann.api.get(f"{ann.keys}/{made['access']}").json()["credential"]
    listed = ann.api.get(ann.keys).json()["credentials"]
    ann.api.delete(f"{ann.keys}/{made['access']}").raise_for_status()

    assert shown == made
    assert (shown["tenant_id"], shown["user_id"]) == (ann.project, ann.id)
    assert [(each["access"], each["secret"]) for each in listed] == [(made["access"], None)]
    assert ann.api.get(f"{ann.keys}/{made['access']}").status_code == 404


def test_an_access_key_is_for_a_project_in_which_its_user_has_a_role(admin: Identity) -> None:
    ann, bob = Person(admin, "ann"), Person(admin, "bob")

    answer = ann.api.http.post(f"/identity/v3/{ann.keys}", json={"tenant_id": bob.project})

    assert answer.status_code == 403


def test_a_credential_of_type_ec2_is_found_by_its_access_key_also_after_a_change(admin: Identity) -> None:
    ann = Person(admin, "ann")

    def pair(access: str) -> str:
        return json.dumps({"access": access, "secret": "s3cret"})

    kept = ann.keep(type="ec2", blob=pair("first"), project_id=ann.project)
    ann.api.patch(f"credentials/{kept}", "credential", blob=pair("second")).raise_for_status()

    assert ann.api.get(f"{ann.keys}/second").json()["credential"]["secret"] == "s3cret"
    assert ann.api.get(f"{ann.keys}/first").status_code == 404
    again = {"type": "ec2", "blob": pair("second"), "project_id": ann.project}
    assert ann.api.post("credentials", "credential", **again).status_code == 409


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "ec2", "blob": "no JSON"},
        {"type": "ec2", "blob": '{"access": "a"}'},
        {"type": "ec2", "blob": '{"access": "a", "secret": "b"}', "project_id": None},
        {"blob": ""},
        {"blob": "x" * 20_000},
        {"colour": "blue"},
    ],
)
def test_what_can_not_be_kept_is_refused(admin: Identity, fields: dict[str, Any]) -> None:
    ann = Person(admin, "ann")
    given = {"type": "cert", "blob": "x", "project_id": ann.project, **fields}

    assert ann.api.post("credentials", "credential", **given).status_code == 400


def test_only_the_secret_of_a_credential_changes(admin: Identity) -> None:
    ann = Person(admin, "ann")
    kept = ann.keep()

    assert ann.api.patch(f"credentials/{kept}", "credential", type="ec2").status_code == 400
    assert ann.api.patch(f"credentials/{kept}", "credential", type="cert").status_code == 200


def test_a_program_with_a_part_of_a_users_rights_gets_at_no_credential(admin: Identity) -> None:
    ann = Person(admin, "ann")
    kept, key = ann.keep(), ann.access_key()["access"]
    path = f"users/{ann.id}/application_credentials"
    made = ann.api.post(path, "application_credential", name="ci", unrestricted=True).json()["application_credential"]
    given = {
        "methods": ["application_credential"],
        "application_credential": {"id": made["id"], "secret": made["secret"]},
    }
    answer = admin.http.post("/identity/v3/auth/tokens", json={"auth": {"identity": given}})
    program = Identity(admin.server, answer.headers["x-subject-token"])

    answers = [
        program.get(f"credentials/{kept}"),
        program.get(f"{ann.keys}/{key}"),
        program.http.post(f"/identity/v3/{ann.keys}", json={"tenant_id": ann.project}),
        program.post("credentials", "credential", type="cert", blob="x"),
        program.patch(f"credentials/{kept}", "credential", blob="x"),
        program.delete(f"credentials/{kept}"),
        program.delete(f"{ann.keys}/{key}"),
    ]

    assert [each.status_code for each in answers] == [403] * 7


def test_credentials_go_with_their_user_and_with_their_project(admin: Identity) -> None:
    ann, bob = Person(admin, "ann"), Person(admin, "bob")
    ann.keep()
    bob.access_key()

    admin.delete(f"users/{ann.id}").raise_for_status()
    admin.delete(f"projects/{bob.project}").raise_for_status()

    assert admin.get("credentials").json()["credentials"] == []


def test_an_access_rule_outlives_its_credential_and_is_removed_when_nothing_has_it(admin: Identity) -> None:
    ann = Person(admin, "ann")
    rule = {"service": "monitoring", "method": "GET", "path": "/v2.0/metrics"}
    path = f"users/{ann.id}/application_credentials"
    made = ann.api.post(path, "application_credential", name="ci", access_rules=[rule]).json()["application_credential"]
    rules = f"users/{ann.id}/access_rules"
    [kept] = made["access_rules"]

    in_use = ann.api.delete(f"{rules}/{kept['id']}").status_code
    ann.api.delete(f"{path}/{made['id']}").raise_for_status()
    still = ann.api.get(rules, service="monitoring").json()["access_rules"]
    gone = ann.api.delete(f"{rules}/{kept['id']}").status_code

    assert (in_use, gone) == (403, 204)
    assert still == [{"id": kept["id"], **rule}]
    assert ann.api.get(rules).json()["access_rules"] == []


def test_what_is_made_and_removed_is_in_the_audit_without_its_secret(admin: Identity) -> None:
    ann = Person(admin, "ann")
    kept, key = ann.keep(), ann.access_key()
    ann.api.delete(f"credentials/{kept}").raise_for_status()

    with admin.server.control.db.read() as tx:
        done = list_records(tx, AuditFilter(user_id=ann.id, limit=3))
    assert [(each.operation, each.target.rpartition("/")[2]) for each in done] == [
        ("identity:delete_credential", kept),
        ("identity:ec2_create_credential", AccessKey(key["access"], "").hash),
        ("identity:create_credential", kept),
    ]
    assert not any(key["access"] in str(each) or key["secret"] in str(each) for each in done)
