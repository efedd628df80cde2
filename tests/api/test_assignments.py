"""Who has which role where: users and groups, inheritance, implied roles, roles of domains, and the lists of all that."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.identity import Identity, names, on_domain, on_project, roles_of
from tests.api.serving import ApiServer


@pytest.fixture
def admin(api_server: ApiServer) -> Identity:
    return Identity(api_server)


def listed(admin: Identity, **asked: Any) -> list[dict[str, Any]]:
    answer = admin.get("role_assignments", **asked)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["role_assignments"])


def short(rows: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """Actor, place and role by name."""
    return {
        (
            (row.get("user") or row["group"])["name"],
            next(each.get("name", "all") for key, each in row["scope"].items() if ":" not in key),
            row["role"]["name"],
        )
        for row in rows
    }


def test_a_role_of_a_group_is_a_role_of_its_users_while_they_are_in_it(admin: Identity) -> None:
    user, project = admin.user("u"), admin.project("p")
    group = admin.group("g", user)
    admin.give(f"projects/{project}/groups/{group}", "manager")

    token = admin.log_in(user, on_project(project))
    mine = Identity(admin.server, token.headers["x-subject-token"])

    assert roles_of(token) == {"manager", "member", "reader"}
    assert names(mine.get("auth/projects")) == ["p"]
    assert mine.http.get("/compute/v2.1/servers").status_code == 200
    assert names(admin.get(f"users/{user}/groups")) == ["g"]
    assert names(admin.get(f"groups/{group}/users")) == ["u"]
    assert admin.delete(f"groups/{group}/users/{user}").status_code == 204
    assert mine.http.get("/compute/v2.1/servers").status_code == 401
    assert admin.log_in(user, on_project(project)).status_code == 401
    assert admin.get(f"groups/{group}/users/{user}").status_code == 404


def test_a_group_is_changed_and_goes_with_its_roles(admin: Identity) -> None:
    user, project = admin.user("u"), admin.project("p")
    group = admin.group("g", user, description="x")
    admin.give(f"projects/{project}/groups/{group}")
    mine = admin.as_user(user, on_project(project))

    assert admin.patch(f"groups/{group}", "group", name="crew", description="y").json()["group"]["name"] == "crew"
    assert names(admin.get("groups", name="crew")) == ["crew"]
    assert admin.delete(f"groups/{group}").status_code == 204
    assert mine.http.get("/compute/v2.1/servers").status_code == 401
    assert admin.get(f"users/{user}").status_code == 200


def test_an_inherited_role_holds_below_and_not_in_the_place_itself(admin: Identity) -> None:
    lab = admin.domain("Lab")
    user = admin.user("u", domain_id=lab)
    top = admin.project("top", domain_id=lab)
    low = admin.project("low", parent_id=top)
    admin.give(f"OS-INHERIT/projects/{top}/users/{user}")

    assert admin.log_in(user, on_project(top)).status_code == 401
    assert roles_of(admin.log_in(user, on_project(low))) == {"member", "reader"}
    assert names(admin.get(f"users/{user}/projects")) == ["low"]

    admin.give(f"OS-INHERIT/domains/{lab}/users/{user}", "manager")

    assert "manager" in roles_of(admin.log_in(user, on_project(top)))
    assert admin.log_in(user, on_domain(lab)).status_code == 401
    path = f"OS-INHERIT/domains/{lab}/users/{user}"
    assert names(admin.get(f"{path}/roles/inherited_to_projects")) == ["manager"]
    assert admin.get(f"domains/{lab}/users/{user}/roles").json()["roles"] == []


def test_taking_an_inherited_role_ends_the_tokens_that_rest_on_it(admin: Identity) -> None:
    user, top = admin.user("u"), admin.project("top")
    low = admin.project("low", parent_id=top)
    group = admin.group("g", user)
    path = f"OS-INHERIT/projects/{top}/groups/{group}"
    admin.give(path)
    mine = admin.as_user(user, on_project(low))

    taken = admin.delete(admin.grant(path))

    assert taken.status_code == 204
    assert mine.get("auth/projects").status_code == 401
    assert [admin.get(admin.grant(path)).status_code, admin.delete(admin.grant(path)).status_code] == [404, 404]


def test_a_role_of_ones_own_opens_what_it_implies_at_once(admin: Identity) -> None:
    user, project = admin.user("u"), admin.project("p")
    role = admin.make("roles", "role", name="researcher", description="reads")
    admin.give(f"projects/{project}/users/{user}", "researcher")
    mine = admin.as_user(user, on_project(project))

    def allowed() -> bool:
        return bool(mine.http.get("/compute/v2.1/servers").status_code == 200)

    before = allowed()
    made = admin.put(f"roles/{role}/implies/{admin.role('reader')}")

    assert (before, allowed()) == (False, True)
    assert made.status_code == 201
    assert made.json()["role_inference"]["prior_role"]["name"] == "researcher"
    assert made.json()["role_inference"]["implies"]["name"] == "reader"
    path = f"/identity/v3/roles/{role}/implies/"
    checked = [admin.http.head(path + admin.role(name)).status_code for name in ("reader", "member")]
    assert checked == [204, 404]
    listed_ = admin.get(f"roles/{role}/implies").json()["role_inference"]["implies"]
    assert [each["name"] for each in listed_] == ["reader"]
    rows = {row["prior_role"]["name"]: row for row in admin.get("role_inferences").json()["role_inferences"]}
    assert set(rows) == {"admin", "manager", "member", "researcher"}
    assert admin.delete(f"roles/{role}/implies/{admin.role('reader')}").status_code == 204
    assert not allowed()
    assert admin.get(f"roles/{role}/implies/{admin.role('reader')}").status_code == 404


def test_no_role_implies_admin_or_itself(admin: Identity) -> None:
    role, reader, member = admin.make("roles", "role", name="r"), admin.role("reader"), admin.role("member")

    assert admin.put(f"roles/{role}/implies/{admin.role('admin')}").status_code == 403
    assert admin.put(f"roles/{role}/implies/{role}").status_code == 400
    assert admin.put(f"roles/{reader}/implies/{member}").status_code == 400


def test_a_role_of_a_domain_is_given_there_only_and_opens_only_what_it_implies(admin: Identity) -> None:
    lab = admin.domain("Lab")
    role = admin.make("roles", "role", name="ops", domain_id=lab)
    user, project = admin.user("u", domain_id=lab), admin.project("p", domain_id=lab)
    elsewhere = admin.project("q")

    assert admin.put(f"projects/{elsewhere}/users/{user}/roles/{role}").status_code == 403
    admin.put(f"projects/{project}/users/{user}/roles/{role}").raise_for_status()
    assert admin.log_in(user, on_project(project)).status_code == 401
    admin.put(f"roles/{role}/implies/{admin.role('member')}").raise_for_status()
    assert roles_of(admin.log_in(user, on_project(project))) == {"member", "reader"}
    assert names(admin.get("roles", domain_id=lab)) == ["ops"]
    assert "ops" not in names(admin.get("roles"))
    assert admin.make("roles", "role", name="ops")


def test_roles_are_changed_and_built_in_ones_are_not(admin: Identity) -> None:
    role = admin.make("roles", "role", name="r")

    changed = admin.patch(f"roles/{role}", "role", name="s", description="d", cost="1").json()["role"]

    assert (changed["name"], changed["description"], changed["cost"]) == ("s", "d", "1")
    assert admin.patch(f"roles/{admin.role('reader')}", "role", name="x").status_code == 409
    assert admin.get(f"roles/{admin.role('reader')}").json()["role"]["options"] == {"immutable": True}
    assert admin.patch(f"roles/{role}", "role", options={"immutable": True}).status_code == 200
    assert admin.delete(f"roles/{role}").status_code == 403


def test_a_group_has_roles_on_the_system(admin: Identity) -> None:
    user = admin.user("u")
    group = admin.group("g", user)
    admin.give(f"system/groups/{group}", "reader")

    mine = admin.as_user(user, {"system": {"all": True}})

    assert mine.get("users").status_code == 200
    assert mine.get("auth/system").json()["system"] == [{"all": True}]
    assert names(admin.get(f"system/groups/{group}/roles")) == ["reader"]
    assert admin.delete(admin.grant(f"system/groups/{group}", "reader")).status_code == 204
    assert mine.get("users").status_code == 401


@pytest.fixture
def world(admin: Identity) -> dict[str, str]:
    """Olga and Ben in group crew of domain Lab, in which project low is below top."""
    lab = admin.domain("Lab")
    things = {
        "lab": lab,
        "olga": admin.user("olga", domain_id=lab),
        "ben": admin.user("ben", domain_id=lab),
        "top": admin.project("top", domain_id=lab),
    }
    things["low"] = admin.project("low", parent_id=things["top"])
    things["crew"] = admin.group("crew", things["olga"], things["ben"], domain_id=lab)
    admin.give(f"projects/{things['top']}/users/{things['olga']}")
    admin.give(f"OS-INHERIT/domains/{lab}/groups/{things['crew']}", "reader")
    admin.give(f"domains/{lab}/users/{things['ben']}", "manager")
    admin.give(f"system/users/{things['ben']}", "reader")
    return things


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"user.id": "olga"}, {("olga", "top", "member")}),
        ({"user.id": "ben"}, {("ben", "Lab", "manager"), ("ben", "all", "reader")}),
        ({"group.id": "crew"}, {("crew", "Lab", "reader")}),
        ({"scope.project.id": "top"}, {("olga", "top", "member")}),
        ({"scope.domain.id": "lab"}, {("ben", "Lab", "manager"), ("crew", "Lab", "reader")}),
        ({"scope.system": "all"}, {("ben", "all", "reader")}),
        ({"scope.OS-INHERIT:inherited_to": "projects"}, {("crew", "Lab", "reader")}),
        (
            {"user.id": "olga", "effective": ""},
            {(("olga", "top", "member")), ("olga", "top", "reader"), ("olga", "low", "reader")},
        ),
        ({"scope.project.id": "low", "effective": ""}, {("olga", "low", "reader"), ("ben", "low", "reader")}),
        ({"scope.project.id": "top", "include_subtree": ""}, {("olga", "top", "member")}),
        (
            {"scope.project.id": "top", "include_subtree": "", "effective": "", "user.id": "ben"},
            {("ben", "top", "reader"), ("ben", "low", "reader")},
        ),
    ],
)
def test_assignments_are_listed_by_every_filter(
    admin: Identity, world: dict[str, str], asked: dict[str, str], found: set[tuple[str, str, str]]
) -> None:
    wanted = {key: world.get(value, value) for key, value in asked.items()}

    assert short(listed(admin, include_names="True", **wanted)) == found


def test_the_role_filter_and_the_links_tell_how_somebody_has_a_role(admin: Identity, world: dict[str, str]) -> None:
    reader, member = admin.role("reader"), admin.role("member")
    rows = listed(admin, **{"user.id": world["olga"], "role.id": reader, "effective": ""})

    links = {(row["scope"]["project"]["id"], row["links"].get("prior_role", "")): row["links"] for row in rows}

    root = f"{admin.server.url}/identity/v3"
    crew = f"groups/{world['crew']}"
    inherited = f"{root}/OS-INHERIT/domains/{world['lab']}/{crew}/roles/{reader}/inherited_to_projects"
    assert links[world["low"], ""] == {"assignment": inherited, "membership": f"{root}/{crew}/users/{world['olga']}"}
    prior = f"{root}/roles/{member}/implies/{reader}"
    given = f"{root}/projects/{world['top']}/users/{world['olga']}/roles/{member}"
    assert links[world["top"], prior] == {"assignment": given, "prior_role": prior}
    assert set(links) == {(world["low"], ""), (world["top"], ""), (world["top"], prior)}
    assert "name" not in rows[0]["role"] and rows[0]["scope"]["OS-INHERIT:inherited_to"] == "projects"


@pytest.mark.parametrize(
    "asked",
    [
        {"user.id": "olga", "group.id": "crew"},
        {"scope.project.id": "top", "scope.domain.id": "lab"},
        {"scope.system": "all", "scope.domain.id": "lab"},
        {"scope.system": "half"},
        {"effective": "", "group.id": "crew"},
        {"effective": "", "scope.OS-INHERIT:inherited_to": "projects"},
        {"include_subtree": ""},
        {"colour": "red"},
    ],
)
def test_filters_that_no_assignment_can_meet_are_refused(admin: Identity, asked: dict[str, str]) -> None:
    assert admin.get("role_assignments", **asked).status_code == 400


def test_a_domain_sees_its_own_assignments(admin: Identity, world: dict[str, str]) -> None:
    manager = admin.as_user(world["ben"], on_domain(world["lab"]))

    rows = short(listed(manager, include_names=""))

    assert rows == {("olga", "top", "member"), ("crew", "Lab", "reader"), ("ben", "Lab", "manager")}
