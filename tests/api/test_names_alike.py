"""Lists of identity by a part of a name: Keystone's inexact filters."""

from __future__ import annotations

import pytest

from tests.api.identity import Identity, names
from tests.api.serving import ApiServer

WHOLE = "Ab_1*%"  # with what LIKE and GLOB read as a sign
SLASHED = "Ab\\"
NAMES = (WHOLE, "xAbc1*%", "Ab_", "b_1*%", SLASHED)
ANSWERS = {
    "name__contains=b_1": {WHOLE, "b_1*%"},
    "name__contains=B_1": set(),
    "name__icontains=B_1": {WHOLE, "b_1*%"},
    "name__startswith=Ab": {WHOLE, "Ab_", SLASHED},
    "name__startswith=ab": set(),
    "name__istartswith=aB": {WHOLE, "Ab_", SLASHED},
    "name__endswith=1*%25": {WHOLE, "xAbc1*%", "b_1*%"},
    "name__endswith=B_": set(),
    "name__iendswith=B_": {"Ab_"},
    "name__startswith=Ab&name__endswith=%25": {WHOLE},
    "name__endswith=b%5C": {SLASHED},
    "name__iendswith=B%5C": {SLASHED},
}


@pytest.fixture
def admin(api_server: ApiServer) -> Identity:
    return Identity(api_server)


@pytest.fixture
def lists(admin: Identity) -> list[str]:
    """The lists of names, each with all of `NAMES`."""
    team, somebody = admin.group("team"), admin.user("somebody")
    me = admin.get("users", name="admin").json()["users"][0]["id"]
    keys = f"users/{me}/application_credentials"
    for name in NAMES:
        admin.put(f"groups/{team}/users/{admin.user(name)}").raise_for_status()
        admin.group(name, somebody)
        admin.project(name)
        admin.domain(name)
        admin.make("roles", "role", name=name)
        admin.make("services", "service", name=name, type="lab")
        admin.make(keys, "application_credential", name=name)
    of_users = ["users", f"groups/{team}/users"]
    return [*of_users, "groups", f"users/{somebody}/groups", "projects", "domains", "roles", "services", keys]


def test_every_list_of_names_finds_them_by_a_part(admin: Identity, lists: list[str]) -> None:
    wrong = [
        (path, query, found)
        for path in lists
        for query, expected in ANSWERS.items()
        if (found := set(names(admin.get(f"{path}?{query}")))) != expected
    ]

    assert not wrong


def test_a_page_of_names_goes_on_after_its_marker(admin: Identity) -> None:
    for name in ("gpu1", "gpu2", "gpu3", "cpu"):
        admin.project(name)

    first = admin.get("projects", name__contains="gpu", limit=2)
    second = admin.http.get(first.json()["links"]["next"])

    assert (names(first), names(second)) == (["gpu1", "gpu2"], ["gpu3"])


def test_another_word_is_refused_with_those_that_there_are(admin: Identity) -> None:
    answer = admin.get("users", name__like="a")

    assert answer.status_code == 400
    assert "name__contains" in answer.text


def test_a_filter_of_names_is_given_once(admin: Identity) -> None:
    several = admin.get("users?" + "&".join(["name__contains=a"] * 400))

    assert (several.status_code, several.headers["x-busway-error-code"]) == (400, "repeated-filter")
