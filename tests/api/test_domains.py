"""Domains: their names, what is in them, tokens for them, and their end."""

from __future__ import annotations

import pytest

from tests.api.identity import PASSWORD, Identity, names, on_domain, on_project, roles_of
from tests.api.serving import ApiServer
from tests.api.test_log_in import issue


@pytest.fixture
def admin(api_server: ApiServer) -> Identity:
    return Identity(api_server)


def test_a_domain_is_made_changed_and_listed(admin: Identity) -> None:
    lab = admin.domain("Lab", description="of physics", tags=["gpu"], cost_center="42")

    admin.patch(f"domains/{lab}", "domain", name="Lab2", enabled=False).raise_for_status()

    shown = admin.get(f"domains/{lab}").json()["domain"]
    assert (shown["name"], shown["description"], shown["enabled"]) == ("Lab2", "of physics", False)
    assert (shown["tags"], shown["cost_center"]) == (["gpu"], "42")
    assert names(admin.get("domains")) == ["Default", "Lab2"]
    assert names(admin.get("domains", enabled="false")) == ["Lab2"]
    assert names(admin.get("domains", name="Lab")) == []


def test_names_are_unique_within_a_domain_and_free_in_another(admin: Identity) -> None:
    lab = admin.domain("Lab")
    admin.project("p", domain_id=lab)
    admin.user("u", domain_id=lab)
    admin.group("g", domain_id=lab)

    again = [
        admin.post("domains", "domain", name="Lab"),
        admin.post("projects", "project", name="p", domain_id=lab),
        admin.post("users", "user", name="u", domain_id=lab),
        admin.post("groups", "group", name="g", domain_id=lab),
    ]

    assert [each.status_code for each in again] == [409] * 4
    assert admin.project("p") and admin.user("u") and admin.group("g")
    assert names(admin.get("users", domain_id=lab)) == ["u"]


def test_a_user_of_a_domain_logs_in_by_name_there_and_nowhere_else(api_server: ApiServer, admin: Identity) -> None:
    lab = admin.domain("Lab")
    user = admin.user("olga", domain_id=lab)
    project = admin.project("p", domain_id=lab)
    admin.give(f"projects/{project}/users/{user}")

    def named(domain: dict[str, str]) -> dict[str, object]:
        person = {"name": "olga", "password": PASSWORD, "domain": domain}
        return {"methods": ["password"], "password": {"user": person}}

    scope = {"project": {"name": "p", "domain": {"name": "Lab"}}}
    token = issue(api_server, named({"id": lab}), scope).json()["token"]

    assert token["user"]["domain"] == {"id": lab, "name": "Lab"}
    assert token["project"]["domain"] == {"id": lab, "name": "Lab"}
    assert issue(api_server, named({"name": "Lab"})).status_code == 201
    assert [issue(api_server, named({"id": each})).status_code for each in ("default", "none-such")] == [401, 401]


def test_a_token_for_a_domain_opens_what_is_in_it_and_no_servers(admin: Identity) -> None:
    lab, other = admin.domain("Lab"), admin.domain("Other")
    head = admin.user("head", domain_id=lab)
    admin.give(f"domains/{lab}/users/{head}", "manager")
    mine, theirs = admin.project("mine", domain_id=lab), admin.project("theirs", domain_id=other)

    answer = admin.log_in(head, on_domain(lab))
    manager = Identity(admin.server, answer.headers["x-subject-token"])

    assert answer.json()["token"]["domain"] == {"id": lab, "name": "Lab"}
    assert roles_of(answer) == {"manager", "member", "reader"}
    assert names(manager.get("projects")) == ["mine"]
    assert names(manager.get("users")) == ["head"]
    assert manager.get("projects", domain_id=other).status_code == 403
    assert manager.patch(f"projects/{mine}", "project", description="x").status_code == 200
    assert manager.patch(f"projects/{theirs}", "project", description="x").status_code == 403
    assert manager.post("projects", "project", name="new").json()["project"]["domain_id"] == lab
    assert manager.post("users", "user", name="ann", domain_id=other).status_code == 403
    assert manager.http.get("/compute/v2.1/servers").status_code == 403
    assert names(manager.get("auth/domains")) == names(manager.get("domains")) == ["Lab"]


def test_a_manager_of_a_domain_gives_lesser_roles_there_and_no_more(admin: Identity) -> None:
    lab, other = admin.domain("Lab"), admin.domain("Other")
    head, ann = admin.user("head", domain_id=lab), admin.user("ann", domain_id=lab)
    stranger = admin.user("stranger", domain_id=other)
    project, theirs = admin.project("mine", domain_id=lab), admin.project("theirs", domain_id=other)
    admin.give(f"domains/{lab}/users/{head}", "manager")
    manager = admin.as_user(head, on_domain(lab))

    def put(path: str, role: str) -> int:
        return int(manager.put(admin.grant(path, role)).status_code)

    assert put(f"projects/{project}/users/{ann}", "member") == 204
    assert put(f"projects/{project}/users/{ann}", "admin") == 403
    assert put(f"projects/{project}/users/{stranger}", "member") == 403
    assert put(f"projects/{theirs}/users/{ann}", "member") == 403


def test_a_disabled_domain_lets_nobody_in_and_ends_their_tokens_for_good(admin: Identity) -> None:
    lab = admin.domain("Lab")
    inside, outside = admin.user("inside", domain_id=lab), admin.user("outside")
    project, elsewhere = admin.project("p", domain_id=lab), admin.project("q")
    for user in (inside, outside):
        admin.give(f"projects/{project}/users/{user}")
        admin.give(f"projects/{elsewhere}/users/{user}")
    tokens = [admin.as_user(user, on_project(place)) for user, place in ((inside, elsewhere), (outside, project))]

    admin.patch(f"domains/{lab}", "domain", enabled=False).raise_for_status()

    assert admin.log_in(inside).status_code == 401
    assert admin.log_in(outside, on_project(project)).status_code == 401
    assert admin.log_in(outside, on_project(elsewhere)).status_code == 201
    admin.patch(f"domains/{lab}", "domain", enabled=True).raise_for_status()
    assert [each.get("auth/projects").status_code for each in tokens] == [401, 401]


def test_a_domain_goes_with_all_that_is_in_it_once_it_is_disabled(admin: Identity) -> None:
    lab = admin.domain("Lab")
    user, project = admin.user("u", domain_id=lab), admin.project("p", domain_id=lab)
    child = admin.project("c", parent_id=project)
    group = admin.group("g", domain_id=lab)
    role = admin.make("roles", "role", name="r", domain_id=lab)
    friend = admin.user("friend")
    admin.give(f"projects/{project}/groups/{group}")
    admin.give(f"OS-INHERIT/domains/{lab}/users/{friend}")

    early = admin.delete(f"domains/{lab}")
    admin.patch(f"domains/{lab}", "domain", enabled=False).raise_for_status()
    late = admin.delete(f"domains/{lab}")

    assert (early.status_code, late.status_code) == (403, 204)
    gone = (
        f"domains/{lab}",
        f"users/{user}",
        f"projects/{project}",
        f"projects/{child}",
        f"groups/{group}",
        f"roles/{role}",
    )
    assert [admin.get(path).status_code for path in gone] == [404] * 6
    rows = admin.get("role_assignments", include_names=True).json()["role_assignments"]
    assert {row["user"]["name"] for row in rows} == {"admin"}


def test_the_default_domain_and_the_last_admins_domain_stay(admin: Identity) -> None:
    assert admin.patch("domains/default", "domain", enabled=False).status_code == 409
    assert admin.delete("domains/default").status_code == 403


def test_a_domain_is_a_project_that_is_a_domain(admin: Identity) -> None:
    lab = admin.project("Lab", is_domain=True)

    shown = admin.get(f"projects/{lab}").json()["project"]

    assert (shown["is_domain"], shown["domain_id"], shown["parent_id"]) == (True, None, None)
    assert admin.get(f"domains/{lab}").json()["domain"]["name"] == "Lab"
    assert names(admin.get("projects", is_domain=True)) == ["Default", "Lab"]
    assert "Lab" not in names(admin.get("projects"))


def test_a_domain_is_changed_and_deleted_as_a_project_by_the_rules_of_domains(admin: Identity) -> None:
    lab = admin.domain("Lab")
    head = admin.user("head", domain_id=lab)
    admin.give(f"domains/{lab}/users/{head}", "manager")
    manager = admin.as_user(head, on_domain(lab))

    refused = manager.patch(f"projects/{lab}", "project", enabled=False), manager.delete(f"projects/{lab}")
    early = admin.delete(f"projects/{lab}")
    changed = admin.patch(f"projects/{lab}", "project", enabled=False)
    ended = manager.get("projects").status_code
    late = admin.delete(f"projects/{lab}")

    assert [each.status_code for each in (*refused, early, changed, late)] == [403, 403, 403, 200, 204]
    assert (changed.json()["project"]["is_domain"], ended) == (True, 401)
    assert admin.get(f"domains/{lab}").status_code == 404


def test_a_role_of_a_domain_implies_those_of_others_and_one_of_the_cloud_implies_none_of_a_domain(
    admin: Identity,
) -> None:
    lab, other = admin.domain("Lab"), admin.domain("Other")
    mine, theirs = (admin.make("roles", "role", name="r", domain_id=each) for each in (lab, other))
    own = admin.make("roles", "role", name="r")

    implied = [admin.put(f"roles/{mine}/implies/{each}").status_code for each in (theirs, own)]

    assert implied == [201, 201]
    assert admin.put(f"roles/{own}/implies/{mine}").status_code == 403


@pytest.mark.parametrize("path", ["users", "projects", "groups"])
def test_a_domain_that_there_is_not_takes_nothing(admin: Identity, path: str) -> None:
    assert admin.post(path, path[:-1], name="x", domain_id="none-such").status_code == 404


def test_a_thing_is_found_by_its_id_in_its_own_domain_only(admin: Identity) -> None:
    lab = admin.domain("Lab")
    paths = [
        f"projects/{admin.project('p', domain_id=lab)}",
        f"users/{admin.user('u', domain_id=lab)}",
        f"groups/{admin.group('g', domain_id=lab)}",
    ]

    assert [admin.get(path, domain_id=lab).status_code for path in paths] == [200] * 3
    assert [admin.get(path, domain_id="default").status_code for path in paths] == [404] * 3


def test_what_can_not_be_given_is_refused_and_never_dropped(admin: Identity) -> None:
    lab = admin.domain("Lab")
    user = admin.user("u")

    assert admin.post("domains", "domain", name="x", id="mine").status_code == 400
    assert admin.post("domains", "domain", name="x", options={"shiny": True}).status_code == 400
    assert admin.post("users", "user", name="x", federated=[]).status_code == 400
    assert admin.patch(f"users/{user}", "user", domain_id=lab).status_code == 400
    assert admin.post("domains", "domain", name="x", extra="y" * 20_000).status_code == 413
    assert [
        admin.get(path, colour="red").status_code for path in ("domains", "projects", "users", "groups", "roles")
    ] == [400] * 5


def test_what_is_immutable_stays_until_that_is_taken_away(admin: Identity) -> None:
    lab = admin.domain("Lab", options={"immutable": True})

    refused = admin.patch(f"domains/{lab}", "domain", name="x"), admin.delete(f"domains/{lab}")
    freed = admin.patch(f"domains/{lab}", "domain", name="x", options={"immutable": None})

    assert [each.status_code for each in refused] == [403, 403]
    assert (freed.status_code, freed.json()["domain"]["options"]) == (200, {})


def test_what_was_made_is_named_in_the_audit(admin: Identity) -> None:
    lab, group = admin.domain("Lab"), admin.group("g")

    found = admin.http.get("/busway/v1/audit").json()["records"]

    assert {f"domains/{lab}", f"groups/{group}"} <= {each["target"] for each in found}
