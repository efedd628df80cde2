"""Limits of the identity API: the quotas themselves, under Keystone's names."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from busway.control.identity.service_catalog import fixed_id
from tests.api.identity import Identity, on_project
from tests.api.serving import ApiServer


@pytest.fixture
def admin(api_server: ApiServer) -> Identity:
    return Identity(api_server)


def _service(_admin: Identity, kind: str) -> str:
    return fixed_id("service", kind)


def _ask(admin: Identity, kind: str, name: str, limit: int, **fields: Any) -> httpx.Response:
    given = {"service_id": _service(admin, kind), "resource_name": name, "resource_limit": limit, **fields}
    return admin.http.post("/identity/v3/limits", json={"limits": [given]})


def _limit(admin: Identity, kind: str, name: str, limit: int, **fields: Any) -> dict[str, Any]:
    answer = _ask(admin, kind, name, limit, **fields)
    assert answer.status_code == 201, answer.text
    [made] = answer.json()["limits"]
    return dict(made)


def _register(admin: Identity, kind: str, name: str, limit: int, **fields: Any) -> httpx.Response:
    given = {"service_id": _service(admin, kind), "resource_name": name, "default_limit": limit, **fields}
    return admin.http.post("/identity/v3/registered_limits", json={"registered_limits": [given]})


def _registered(admin: Identity, **query: str) -> dict[str, dict[str, Any]]:
    rows = admin.get("registered_limits", **query).json()["registered_limits"]
    return {row["resource_name"]: row for row in rows}


def _quota(admin: Identity, project: str) -> dict[str, int]:
    return dict(admin.http.get(f"/compute/v2.1/os-quota-sets/{project}").json()["quota_set"])


def test_every_quota_is_a_registered_limit_with_its_default(admin: Identity) -> None:
    found = _registered(admin)

    assert {name: found[name]["default_limit"] for name in ("servers", "class:VCPU", "image_count_total", "port")} == {
        "servers": -1,
        "class:VCPU": -1,
        "image_count_total": -1,
        "port": 500,
    }
    assert found["pci_passthrough:a1"]["default_limit"] == -1
    assert set(_registered(admin, service_id=_service(admin, "network"))) == {
        "network",
        "subnet",
        "port",
        "security_group",
        "router",
        "floatingip",
        "security_group_rule",
        "trunk",
    }
    assert admin.get("limits/model").json()["model"]["name"] == "flat"


@pytest.mark.parametrize(
    ("kind", "name", "path", "key"),
    [
        ("compute", "servers", "/compute/v2.1/os-quota-sets/{}", "quota_set.instances"),
        ("compute", "class:MEMORY_MB", "/compute/v2.1/os-quota-sets/{}", "quota_set.ram"),
        ("compute", "pci_passthrough:a1", "/busway/v1/quota?project={}", "quota.limits.pci_passthrough:a1"),
        ("image", "image_size_total", "/busway/v1/quota?project={}", "quota.limits.image_size_total"),
        ("network", "port", "/network/v2.0/quotas/{}", "quota.port"),
    ],
)
def test_a_limit_is_the_quota_that_the_service_itself_shows(
    admin: Identity, kind: str, name: str, path: str, key: str
) -> None:
    project, other = admin.project("lab"), admin.project("other")

    def shown(of: str) -> object:
        value = admin.http.get(path.format(of)).json()
        for part in key.split("."):
            value = value[part]
        return value

    made = _limit(admin, kind, name, 3, project_id=project, description="as agreed")
    limited = shown(project)
    admin.patch(f"limits/{made['id']}", "limit", resource_limit=4).raise_for_status()
    changed = shown(project), admin.get(f"limits/{made['id']}").json()["limit"]["description"]
    registered = _registered(admin)[name]["id"]
    admin.patch(f"registered_limits/{registered}", "registered_limit", default_limit=7).raise_for_status()
    default = shown(other)
    admin.delete(f"limits/{made['id']}").raise_for_status()

    assert (limited, changed, default, shown(project)) == (3, (4, "as agreed"), 7, 7)


def test_a_limit_is_enforced(api_server: ApiServer, admin: Identity) -> None:
    ann = api_server.client(api_server.user("ann"))
    [project] = admin.get("projects", name="ann").json()["projects"]
    _limit(admin, "compute", "server_groups", 1, project_id=project["id"])
    _limit(admin, "image", "image_count_total", 0, project_id=project["id"])

    groups = [
        ann.post("/compute/v2.1/os-server-groups", json={"server_group": {"name": name, "policies": ["affinity"]}})
        for name in ("a", "b")
    ]
    image = ann.post("/image/v2/images", json={"name": "i", "disk_format": "raw", "container_format": "bare"})

    assert [each.status_code for each in groups] == [200, 403]
    assert image.status_code == 413


def test_a_quota_that_was_set_otherwise_is_a_limit_too(admin: Identity) -> None:
    project = admin.project("lab")
    body = {"quota_set": {"instances": 5}}
    admin.http.put(f"/compute/v2.1/os-quota-sets/{project}", json=body).raise_for_status()

    [found] = admin.get("limits", project_id=project).json()["limits"]

    assert (found["resource_name"], found["resource_limit"]) == ("servers", 5)
    assert _ask(admin, "compute", "servers", 6, project_id=project).status_code == 409


def test_registering_replaces_the_configuration_and_deleting_brings_it_back(admin: Identity) -> None:
    project = admin.project("lab")
    made = _register(admin, "compute", "servers", 50, description="generous")
    [row] = made.json()["registered_limits"]
    during = _quota(admin, project)["instances"]
    again = _register(admin, "compute", "servers", 60)
    gone = admin.delete(f"registered_limits/{row['id']}")
    built_in = admin.delete(f"registered_limits/{row['id']}")

    assert (made.status_code, row["description"], during) == (201, "generous", 50)
    assert (again.status_code, gone.status_code, built_in.status_code) == (409, 204, 403)
    assert _quota(admin, project)["instances"] == -1


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"resource_name": "volumes"}, 403),
        ({"resource_name": "port"}, 403),
        ({"service_id": "none-such"}, 403),
        ({"region_id": "Elsewhere"}, 400),
        ({"resource_limit": -2}, 400),
        ({"project_id": "none-such"}, 404),
        ({"project_id": "default"}, 400),
        ({"domain_id": "default"}, 400),
        ({"project_id": None, "domain_id": "default"}, 400),  # the model is flat
        ({"project_id": None}, 400),
        ({"colour": "blue"}, 400),
    ],
)
def test_what_is_not_counted_has_no_limit(admin: Identity, fields: dict[str, Any], status: int) -> None:
    project = admin.project("lab")

    answer = _ask(admin, "compute", "servers", 1, **{"project_id": project, **fields})

    assert answer.status_code == status
    assert admin.get("limits").json()["limits"] == []


def test_one_wrong_limit_of_several_sets_none(admin: Identity) -> None:
    project, service = admin.project("lab"), _service(admin, "compute")
    rows = [
        {"service_id": service, "resource_name": name, "resource_limit": 1, "project_id": project}
        for name in ("servers", "volumes")
    ]

    assert admin.http.post("/identity/v3/limits", json={"limits": rows}).status_code == 403
    assert admin.get("limits").json()["limits"] == []


def test_a_project_sees_its_own_limits_only_and_changes_none(admin: Identity) -> None:
    mine, theirs = admin.project("mine"), admin.project("theirs")
    ann = admin.user("ann")
    admin.give(f"projects/{mine}/users/{ann}", "manager")
    member = admin.as_user(ann, on_project(mine))
    own = _limit(admin, "compute", "servers", 1, project_id=mine)
    other = _limit(admin, "compute", "servers", 1, project_id=theirs)

    assert [each["id"] for each in member.get("limits").json()["limits"]] == [own["id"]]
    assert member.get("limits", project_id=theirs).json()["limits"] == []
    assert [member.get(f"limits/{each['id']}").status_code for each in (own, other)] == [200, 403]
    assert member.patch(f"limits/{own['id']}", "limit", resource_limit=9).status_code == 403
    assert _ask(member, "compute", "class:VCPU", 9, project_id=mine).status_code == 403


def test_lists_are_filtered_and_have_pages(admin: Identity) -> None:
    projects = [admin.project(name) for name in ("a", "b", "c")]
    made = [_limit(admin, "compute", "servers", 1, project_id=each) for each in projects]
    _limit(admin, "network", "port", 1, project_id=projects[0])

    network = admin.get("limits", service_id=_service(admin, "network")).json()["limits"]
    named = admin.get("limits", resource_name="servers", limit=2).json()
    rest = admin.http.get(named["links"]["next"]).json()["limits"]

    assert [each["resource_name"] for each in network] == ["port"]
    assert [each["id"] for each in (*named["limits"], *rest)] == sorted(each["id"] for each in made)
    assert admin.get("limits", region_id="Elsewhere").json()["limits"] == []
    assert admin.get("limits", colour="blue").status_code == 400


def test_limits_go_with_their_project(admin: Identity) -> None:
    project = admin.project("lab")
    _limit(admin, "compute", "servers", 1, project_id=project)

    admin.delete(f"projects/{project}").raise_for_status()

    assert admin.get("limits").json()["limits"] == []
