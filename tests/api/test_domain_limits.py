"""Limits of domains: each is for all projects of its domain together, in Keystone's model of two levels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from busway.control.identity.service_catalog import fixed_id
from busway.domain.limit import TWO_LEVELS
from busway.domain.quota import OF_NETWORKS
from tests.api.identity import Identity, on_domain, on_project
from tests.api.serving import ApiServer, start_api_server

GROUP = {"name": "g", "policies": ["affinity"]}
IMAGE = {"name": "i", "disk_format": "raw", "container_format": "bare"}


@pytest.fixture
def api_server(api_template: Path, tmp_path: Path) -> Iterator[ApiServer]:
    server = start_api_server(tmp_path, api_template, enforcement_model=TWO_LEVELS)
    yield server
    server.stop()


@pytest.fixture
def admin(api_server: ApiServer) -> Identity:
    return Identity(api_server)


class Lab:
    """A domain with two projects, and a user who is a member of both."""

    def __init__(self, admin: Identity) -> None:
        self.admin = admin
        self.id = admin.domain("lab")
        self.projects = [admin.project(each, domain_id=self.id) for each in ("a", "b")]
        user = admin.user("ann")
        self.members = []
        for project in self.projects:
            admin.give(f"projects/{project}/users/{user}", "member")
            self.members.append(admin.as_user(user, on_project(project)).http)


@pytest.fixture
def lab(admin: Identity) -> Lab:
    return Lab(admin)


def ask(admin: Identity, kind: str, name: str, limit: int, **fields: Any) -> httpx.Response:
    given = {"service_id": fixed_id("service", kind), "resource_name": name, "resource_limit": limit, **fields}
    return admin.http.post("/identity/v3/limits", json={"limits": [given]})


def give(admin: Identity, kind: str, name: str, limit: int, **fields: Any) -> dict[str, Any]:
    answer = ask(admin, kind, name, limit, **fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["limits"][0])


def test_a_limit_of_a_domain_is_shown_with_it_and_the_model_says_how_it_holds(admin: Identity, lab: Lab) -> None:
    made = give(admin, "compute", "servers", 3, domain_id=lab.id, description="as agreed")

    shown = admin.get(f"limits/{made['id']}").json()["limit"]
    model = admin.get("limits/model").json()["model"]

    assert (shown["domain_id"], shown["project_id"], shown["resource_limit"]) == (lab.id, None, 3)
    assert (shown["description"], model["name"]) == ("as agreed", "strict_two_level")


def test_projects_of_a_domain_share_its_limit_of_server_groups(admin: Identity, lab: Lab) -> None:
    give(admin, "compute", "server_groups", 2, domain_id=lab.id)

    def add(member: httpx.Client) -> httpx.Response:
        return member.post("/compute/v2.1/os-server-groups", json={"server_group": GROUP})

    answers = [add(member) for member in (*lab.members, *lab.members)]
    elsewhere = add(admin.http)

    assert [each.status_code for each in answers] == [200, 200, 403, 403]
    assert "domain lab" in answers[2].text
    assert elsewhere.status_code == 200


def test_images_of_all_projects_of_a_domain_share_its_count_and_its_room(admin: Identity, lab: Lab) -> None:
    give(admin, "image", "image_count_total", 2, domain_id=lab.id)
    give(admin, "image", "image_size_total", 2, domain_id=lab.id)
    first, second = (member.post("/image/v2/images", json=IMAGE).json()["id"] for member in lab.members)
    mebibytes = b"x" * (3 << 19)

    third = lab.members[0].post("/image/v2/images", json=IMAGE)
    stored = lab.members[0].put(f"/image/v2/images/{first}/file", content=mebibytes, headers=BINARY)
    beyond = lab.members[1].put(f"/image/v2/images/{second}/file", content=mebibytes, headers=BINARY)

    assert third.status_code == 413
    assert (stored.status_code, beyond.status_code) == (204, 413)


BINARY = {"Content-Type": "application/octet-stream"}


@pytest.mark.parametrize("resource", ["network", "security_group", "security_group_rule"])
def test_projects_of_a_domain_share_its_limits_of_networks(admin: Identity, lab: Lab, resource: str) -> None:
    give(admin, "network", resource, 3 if resource == "network" else 6, domain_id=lab.id)
    path, body = ("networks", "network") if resource == "network" else ("security-groups", "security_group")

    answers = [
        member.post(f"/network/v2.0/{path}", json={body: {"name": f"n{turn}"}})
        for turn in range(6)
        for member in lab.members
    ]

    codes = [each.status_code for each in answers]
    assert codes[0] == 201
    assert set(codes[codes.index(409) :]) == {409}
    assert 0 < codes.count(201) < OF_NETWORKS[resource]
    assert "domain lab" in answers[-1].text


def test_a_domain_without_a_limit_of_its_own_has_that_of_all(admin: Identity, lab: Lab) -> None:
    body = {"registered_limits": [_registered("compute", "server_groups", 1)]}
    admin.http.post("/identity/v3/registered_limits", json=body).raise_for_status()

    answers = [
        member.post("/compute/v2.1/os-server-groups", json={"server_group": GROUP}).status_code
        for member in lab.members
    ]

    assert answers == [200, 403]


def _registered(kind: str, name: str, limit: int) -> dict[str, object]:
    return {"service_id": fixed_id("service", kind), "resource_name": name, "default_limit": limit}


def test_no_project_has_a_higher_limit_than_its_domain(admin: Identity, lab: Lab) -> None:
    of_domain = give(admin, "compute", "servers", 5, domain_id=lab.id)
    give(admin, "network", "port", 5, domain_id=lab.id)
    project = lab.projects[0]

    refused = [
        ask(admin, "compute", "servers", 6, project_id=project),
        ask(admin, "compute", "servers", -1, project_id=project),
        admin.http.put(f"/compute/v2.1/os-quota-sets/{project}", json={"quota_set": {"instances": 6}}),
        admin.http.put(f"/network/v2.0/quotas/{project}", json={"quota": {"port": 6}}),
    ]
    own = give(admin, "compute", "servers", 5, project_id=project)
    raised = admin.patch(f"limits/{own['id']}", "limit", resource_limit=6)
    lowered = admin.patch(f"limits/{of_domain['id']}", "limit", resource_limit=4)

    assert [each.status_code for each in (*refused, raised, lowered)] == [403] * 6
    assert admin.get(f"limits/{own['id']}").json()["limit"]["resource_limit"] == 5


def test_limits_of_a_domain_and_its_project_in_one_request_bound_each_other(admin: Identity, lab: Lab) -> None:
    service = fixed_id("service", "compute")

    def both(of_project: int) -> httpx.Response:
        rows = [
            {"resource_limit": of_project, "project_id": lab.projects[0]},
            {"resource_limit": 3, "domain_id": lab.id},
        ]
        given = [{"service_id": service, "resource_name": "servers", **row} for row in rows]
        return admin.http.post("/identity/v3/limits", json={"limits": given})

    assert both(4).status_code == 403
    assert admin.get("limits").json()["limits"] == []
    assert [each["resource_limit"] for each in both(2).json()["limits"]] == [2, 3]


@pytest.mark.parametrize("name", ["server_metadata_items", "server_key_pairs", "server_group_members"])
def test_what_is_no_sum_of_projects_has_no_limit_of_a_domain(admin: Identity, lab: Lab, name: str) -> None:
    assert ask(admin, "compute", name, 1, domain_id=lab.id).status_code == 400


def test_a_project_stands_right_below_its_domain(admin: Identity, lab: Lab) -> None:
    body = {"project": {"name": "below", "parent_id": lab.projects[0]}}

    assert admin.http.post("/identity/v3/projects", json=body).status_code == 403


def test_lists_tell_limits_of_domains_from_those_of_projects(admin: Identity, lab: Lab) -> None:
    of_domain = give(admin, "compute", "servers", 5, domain_id=lab.id)
    of_project = give(admin, "compute", "servers", 5, project_id=lab.projects[0])
    give(admin, "compute", "servers", 5, domain_id="default")

    def ids(**query: str) -> list[str]:
        return [each["id"] for each in admin.get("limits", **query).json()["limits"]]

    assert ids(domain_id=lab.id) == [of_domain["id"]]
    assert ids(project_id=lab.projects[0]) == [of_project["id"]]
    assert ids(project_id=lab.id) == ids(domain_id=lab.projects[0]) == []


def test_a_token_of_a_domain_sees_its_limits_and_those_of_its_projects(admin: Identity, lab: Lab) -> None:
    mine = {
        give(admin, "compute", "servers", 5, domain_id=lab.id)["id"],
        give(admin, "compute", "servers", 5, project_id=lab.projects[0])["id"],
    }
    other = give(admin, "compute", "servers", 5, domain_id="default")["id"]
    user = admin.user("bob")
    admin.give(f"domains/{lab.id}/users/{user}", "reader")
    reader = admin.as_user(user, on_domain(lab.id))

    assert {each["id"] for each in reader.get("limits").json()["limits"]} == mine
    assert {reader.get(f"limits/{each}").status_code for each in mine} == {200}
    assert reader.get(f"limits/{other}").status_code == 403
    assert ask(reader, "compute", "class:VCPU", 1, domain_id=lab.id).status_code == 403


def test_limits_of_a_domain_go_with_it(admin: Identity, lab: Lab) -> None:
    give(admin, "compute", "servers", 5, domain_id=lab.id)
    give(admin, "compute", "servers", 5, project_id=lab.projects[0])

    admin.patch(f"domains/{lab.id}", "domain", enabled=False).raise_for_status()
    admin.delete(f"domains/{lab.id}").raise_for_status()

    assert admin.get("limits").json()["limits"] == []
