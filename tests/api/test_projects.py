"""Projects: a tree below each domain, with tags by which lists are filtered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.identity import Identity, names, on_project
from tests.api.serving import ApiServer


@pytest.fixture
def admin(api_server: ApiServer) -> Identity:
    return Identity(api_server)


def chain(admin: Identity, *wanted: str, **fields: Any) -> list[str]:
    """Projects below each other."""
    made: list[str] = []
    for name in wanted:
        above = {"parent_id": made[-1]} if made else fields
        made.append(admin.project(name, **above))
    return made


def test_a_project_below_another_is_in_its_domain(admin: Identity) -> None:
    lab = admin.domain("Lab")
    top, below = chain(admin, "top", "below", domain_id=lab)

    shown = admin.get(f"projects/{below}").json()["project"]

    assert (shown["parent_id"], shown["domain_id"]) == (top, lab)
    assert admin.post("projects", "project", name="x", parent_id=top, domain_id="default").status_code == 400
    assert admin.post("projects", "project", name="x", parent_id="none-such").status_code == 404
    assert names(admin.get("projects", parent_id=top)) == ["below"]
    assert names(admin.get("projects", domain_id=lab)) == ["below", "top"]


def test_the_tree_is_told_as_ids_and_as_projects_in_which_the_caller_has_a_role(admin: Identity) -> None:
    top, middle, low = chain(admin, "top", "middle", "low")
    user = admin.user("u")
    for each in (middle, low):
        admin.give(f"projects/{each}/users/{user}")
    mine = admin.as_user(user, on_project(middle))

    ids = mine.get(f"projects/{middle}", parents_as_ids="", subtree_as_ids="").json()["project"]
    lists = mine.get(f"projects/{middle}", parents_as_list="", subtree_as_list="").json()["project"]

    assert ids["parents"] == {top: {"default": None}}
    assert ids["subtree"] == {low: None}
    assert lists["parents"] == []
    assert [each["project"]["name"] for each in lists["subtree"]] == ["low"]
    assert mine.get(f"projects/{middle}", parents_as_ids="", parents_as_list="").status_code == 400
    assert admin.get(f"projects/{low}", subtree_as_ids="").json()["project"]["subtree"] is None


def test_the_tree_is_no_deeper_than_five_projects(admin: Identity) -> None:
    deepest = chain(admin, "a", "b", "c", "d", "e")[-1]

    assert admin.post("projects", "project", name="f", parent_id=deepest).status_code == 403


def test_a_project_with_others_below_it_stays(admin: Identity) -> None:
    top, below = chain(admin, "top", "below")

    assert admin.delete(f"projects/{top}").status_code == 403
    assert admin.delete(f"projects/{below}").status_code == 204
    assert admin.delete(f"projects/{top}").status_code == 204


def test_what_is_below_a_disabled_project_is_disabled(admin: Identity) -> None:
    top, below = chain(admin, "top", "below")

    def switch(project: str, *, enabled: bool) -> int:
        return int(admin.patch(f"projects/{project}", "project", enabled=enabled).status_code)

    assert switch(top, enabled=False) == 403
    assert switch(below, enabled=False) == 200
    assert switch(top, enabled=False) == 200
    assert switch(below, enabled=True) == 403
    assert admin.post("projects", "project", name="x", parent_id=top).status_code == 403
    assert names(admin.get("projects", enabled="False")) == ["below", "top"]


def test_a_project_never_moves(admin: Identity) -> None:
    top, other = admin.project("top"), admin.project("other")

    moves: list[dict[str, Any]] = [{"parent_id": other}, {"domain_id": "else"}, {"is_domain": True}, {"id": other}]

    assert [admin.patch(f"projects/{top}", "project", **each).status_code for each in moves] == [400] * 4
    assert admin.patch(f"projects/{top}", "project", parent_id="default", domain_id="default").status_code == 200


def test_lists_are_filtered_by_tags(admin: Identity) -> None:
    for name, tags in (("a", ["gpu", "lab"]), ("b", ["gpu"]), ("c", [])):
        admin.project(name, tags=tags)

    def tagged(**asked: str) -> list[str]:
        return [each for each in names(admin.get("projects", **asked)) if each != "admin"]

    assert tagged(tags="gpu,lab") == ["a"]
    assert tagged(**{"tags-any": "lab,gpu"}) == ["a", "b"]
    assert tagged(**{"not-tags": "gpu,lab"}) == ["b", "c"]
    assert tagged(**{"not-tags-any": "gpu,lab"}) == ["c"]


def test_tags_are_added_asked_for_replaced_and_taken_away(admin: Identity) -> None:
    tags = f"projects/{admin.project('p')}/tags"

    made = admin.put(f"{tags}/gpu")

    assert (made.status_code, made.content) == (201, b"")
    assert admin.get(f"{tags}/gpu").status_code == 204
    assert admin.get(f"{tags}/lab").status_code == 404
    assert admin.put(tags, {"tags": ["x", "y"]}).json()["tags"] == ["x", "y"]
    assert admin.delete(f"{tags}/x").status_code == 204
    assert admin.delete(f"{tags}/x").status_code == 404
    assert admin.get(tags).json()["tags"] == ["y"]
    assert admin.delete(tags).status_code == 204
    assert admin.get(tags).json()["tags"] == []
    assert [admin.put(tags, {"tags": each}).status_code for each in (["a,b"], ["a", "a"], ["x"] * 81)] == [400] * 3


def test_a_tag_of_any_alphabet_is_in_the_location_percent_encoded(admin: Identity) -> None:
    tags = f"projects/{admin.project('p')}/tags"

    made = admin.put(f"{tags}/%C3%AC%F0%90%96%8D")

    assert made.status_code == 201 and made.headers["location"].endswith(f"{tags}/%C3%AC%F0%90%96%8D")
    assert admin.get(tags).json()["tags"] == ["\u00ec\U0001058d"]


def test_attributes_of_ones_own_are_kept_changed_and_taken_away(admin: Identity) -> None:
    project = admin.project("p", cost_center="42", colour="red")

    changed = admin.patch(f"projects/{project}", "project", cost_center=None, colour="blue").json()["project"]

    assert changed["colour"] == "blue" and "cost_center" not in changed
    assert admin.get(f"projects/{project}").json()["project"]["colour"] == "blue"


def test_pages_of_projects_follow_each_other(admin: Identity) -> None:
    for name in ("a", "b", "c"):
        admin.project(name)
    found, link = [], "/identity/v3/projects?limit=2"

    while link:
        page = admin.http.get(link).json()
        found += [each["name"] for each in page["projects"]]
        link = page["links"]["next"]

    assert found == ["a", "admin", "b", "c"]
