"""Who may do what: every operation with every kind of token, against one table."""

from __future__ import annotations

from pathlib import Path

import pytest

from busway.policy.decide import RULES
from busway.testing.golden import Golden
from tests.api.policy_page import page
from tests.api.rights import COLUMNS, World, operations, requests, table_of_rights
from tests.api.serving import ApiServer
from tests.project.checkout import ROOT


@pytest.fixture
def world(routed_server: ApiServer) -> World:
    return World(routed_server)


def test_every_operation_has_a_rule_that_there_is() -> None:
    without = [f"{each.method} {each.path}" for each in operations() if not each.public and not each.rules]
    unknown = [rule for each in operations() for rule in each.rules if rule not in RULES]

    assert without == []
    assert unknown == []


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_every_kind_of_token_is_answered_as_the_table_says(world: World) -> None:
    lines = [f"{'':70} " + " ".join(f"{name:8}" for name in COLUMNS)]
    for request in requests():
        answers = [world.ask(request, who) for who in COLUMNS]
        lines.append(f"{request.name:70} " + " ".join(f"{status:<8}" for status in answers) + f" {request.rule}")

    Golden(Path(__file__).parent / "golden").check("rights.txt", "\n".join(line.rstrip() for line in lines) + "\n")


def test_the_table_lets_nobody_without_a_role_change_anything() -> None:
    """The golden table itself is looked at, so that a rewrite of it can't let a stranger in."""
    rows = table_of_rights()
    changing = {name: row for name, row in rows.items() if not name.startswith("GET ")}

    assert changing
    for who in ("none", "unscoped", "odd", "service", "other", "system"):
        let_in = {name for name, row in changing.items() if row[who] < 400}
        assert let_in <= (_OWN | _IN_OWN_PROJECT if who == "other" else _OWN), who
    assert {name for name, row in changing.items() if row["reader"] < 400} <= _OWN


# What is the caller's own, whoever they are: their token and their key pairs.
_OWN = frozenset({"DELETE /identity/v3/auth/tokens", "DELETE /compute/v2.1/os-keypairs/{name}"})
_IN_OWN_PROJECT = frozenset({"POST /image/v2/images", "POST /compute/v2.1/os-floating-ips"})


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_a_manager_of_a_domain_is_answered_as_the_table_says_and_by_identity_only(world: World) -> None:
    answers = [(request.name, world.ask(request, "domain")) for request in requests()]

    told = [f"{name} {status}" for name, status in answers if " /identity/" in name]
    opened = {name for name, status in answers if status not in (401, 403, 404)}
    Golden(Path(__file__).parent / "golden").check("rights-of-a-domain.txt", "\n".join(told) + "\n")
    assert {name for name in opened if " /identity/" not in name} == set()


def test_a_token_of_no_project_opens_paths_of_identity_only() -> None:
    opened = {name for name, row in table_of_rights().items() if row["unscoped"] not in (401, 403, 404)}

    assert opened
    assert {name for name in opened if " /identity/" not in name} == set()


def test_the_page_of_rules_says_what_holds() -> None:
    Golden(ROOT / "docs" / "reference").check("policy.md", page())
