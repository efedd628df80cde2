"""The operator's rules for passwords: their form, their age, and those that may not come again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from busway.bootstrap.config import read_config
from busway.domain.errors import InvalidConfig
from busway.domain.password_rules import PasswordRules
from tests.api.identity import PASSWORD, Identity, on_project
from tests.api.serving import ApiServer, start_api_server
from tests.api.test_log_in import is_alive

Serve = Callable[..., Identity]


@pytest.fixture
def serve(tmp_path: Path, api_template: Path) -> Iterator[Serve]:
    """Starts a control plane with rules for passwords."""
    started: list[ApiServer] = []

    def start(**rules: Any) -> Identity:
        started.append(start_api_server(tmp_path, api_template, password_rules=PasswordRules(**rules)))
        return Identity(started[-1])

    yield start
    for each in started:
        each.stop()


def change(admin: Identity, user: str, old: str, new: str) -> httpx.Response:
    body = {"user": {"original_password": old, "password": new}}
    return admin.http.post(f"/identity/v3/users/{user}/password", json=body)


def test_a_password_has_the_form_that_the_operator_asks_for(serve: Serve) -> None:
    admin = serve(pattern=r"^(?=.*\d)(?=.*[a-zA-Z]).{7,}$", description="Seven characters, a digit among them")

    refused = admin.post("users", "user", name="ann", password="short")
    ann = admin.user("ann", password="seven77")
    answers = [
        admin.patch(f"users/{ann}", "user", password="nodigits"),
        change(admin, ann, "seven77", "nodigits"),
        change(admin, ann, "seven77", "eight888"),
    ]

    assert refused.status_code == 400 and "Seven characters" in refused.text
    assert [each.status_code for each in answers] == [400, 400, 204]


def test_none_of_the_last_passwords_comes_again_unless_an_admin_sets_it(serve: Serve) -> None:
    admin = serve(remembered=3)
    ann = admin.user("ann", password="one")

    statuses = [
        change(admin, ann, old, new).status_code
        for old, new in [
            ("one", "one"),
            ("one", "two"),
            ("two", "one"),
            ("two", "three"),
            ("three", "one"),
            ("three", "two"),
            ("three", "four"),
            ("four", "one"),
        ]
    ]

    assert statuses == [400, 204, 400, 204, 400, 400, 204, 204]
    assert admin.patch(f"users/{ann}", "user", password="four").status_code == 200
    with admin.server.control.db.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM password_history").scalar_one() == 2


def test_without_rules_no_former_password_is_kept(serve: Serve) -> None:
    admin = serve()
    ann = admin.user("ann", password="one")
    change(admin, ann, "one", "two").raise_for_status()

    assert change(admin, ann, "two", "one").status_code == 204
    assert admin.get(f"users/{ann}").json()["user"]["password_expires_at"] is None
    with admin.server.control.db.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM password_history").scalar_one() == 0


def test_a_password_is_as_old_as_was_said_before_its_user_changes_it(serve: Serve) -> None:
    admin = serve(least_days=1)
    ann = admin.user("ann")

    early = change(admin, ann, PASSWORD, "another")
    by_admin = admin.patch(f"users/{ann}", "user", password="third")
    admin.server.clock.ahead += timedelta(days=1, minutes=1)
    late = change(admin, ann, "third", "fourth")

    assert (early.status_code, by_admin.status_code, late.status_code) == (400, 200, 204)


def test_an_expired_password_opens_nothing_but_its_own_change(serve: Serve) -> None:
    admin = serve(most_days=30)
    project = admin.project("lab")
    ann, bot = admin.user("ann"), admin.user("bot", options={"ignore_password_expiry": True})
    for each in (ann, bot):
        admin.give(f"projects/{project}/users/{each}")
    token = admin.log_in(ann, on_project(project))
    shown = admin.get(f"users/{ann}").json()["user"]["password_expires_at"]

    admin.server.clock.ahead += timedelta(days=30, minutes=1)
    expired, exempt = admin.log_in(ann), admin.log_in(bot)
    wrong = admin.log_in(ann, password="wrong")
    changed = change(admin, ann, PASSWORD, "another one")

    assert token.json()["token"]["user"]["password_expires_at"] == shown is not None
    assert (expired.status_code, exempt.status_code, changed.status_code) == (401, 201, 204)
    assert "expired" in expired.text and "expired" not in wrong.text
    assert exempt.json()["token"]["user"]["password_expires_at"] is None
    assert admin.log_in(ann, password="another one").status_code == 201
    assert not is_alive(admin.server, token.headers["x-subject-token"])


def test_the_configuration_has_keystones_names(tmp_path: Path) -> None:
    file = tmp_path / "busway.conf"
    file.write_text(
        "[security_compliance]\n"
        "password_regex = ^.{7,}$\n"
        "password_regex_description = seven\n"
        "minimum_password_age = 1\n"
        "password_expires_days = 90\n"
        "unique_last_password_count = 5\n"
    )
    read = read_config(file, state_path=str(tmp_path)).settings.password_rules

    file.write_text("[security_compliance]\npassword_regex = (\n")
    with pytest.raises(InvalidConfig, match="password_regex"):
        read_config(file, state_path=str(tmp_path))

    assert read == PasswordRules("^.{7,}$", "seven", 1, 90, 5)
