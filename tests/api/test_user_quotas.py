"""Limits of a user in a project over HTTP: Nova's under `os-quota-sets?user_id=`, and Busway's own with names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx
import pytest

from tests.api.serving import ApiServer
from tests.api.test_quotas import OWN, ROOT, boot, project


@dataclass
class Lab:
    """Project ann, with its users ann and bob."""

    server: ApiServer
    admin: httpx.Client
    ann: httpx.Client
    bob: httpx.Client
    project: str
    ids: Mapping[str, str]

    @property
    def path(self) -> str:
        return f"{ROOT}/{self.project}"

    def of(self, name: str) -> dict[str, str]:
        return {"user_id": self.ids[name]}


@pytest.fixture
def lab(api_server: ApiServer) -> Lab:
    admin = api_server.client(version="2.57")
    ann = api_server.client(api_server.user("ann"), version="2.57")
    api_server.user("bob")
    in_project = project(admin, "ann")
    ids = {each["name"]: each["id"] for each in admin.get("/identity/v3/users").json()["users"]}
    [role] = admin.get("/identity/v3/roles", params={"name": "member"}).json()["roles"]
    grant = f"/identity/v3/projects/{in_project}/users/{ids['bob']}/roles/{role['id']}"
    admin.put(grant).raise_for_status()
    bob = api_server.client(api_server.token("bob", "pw", "ann"), version="2.57")
    return Lab(api_server, admin, ann, bob, in_project, ids)


def test_a_user_s_limit_is_set_held_shown_and_taken_away(lab: Lab) -> None:
    image = lab.server.image()
    lab.admin.put(lab.path, json={"quota_set": {"instances": 5, "ram": 2048}}).raise_for_status()

    changed = lab.admin.put(lab.path, json={"quota_set": {"instances": "1"}}, params=lab.of("ann"))
    booted = [boot(each, image) for each in (lab.ann, lab.ann, lab.bob, lab.bob)]

    assert changed.json()["quota_set"]["instances"] == 1 and changed.json()["quota_set"]["ram"] == 2048
    assert "id" not in changed.json()["quota_set"]
    assert [each.status_code for each in booted] == [202, 403, 202, 202]
    assert "of user ann" in booted[1].text and booted[1].headers["x-busway-error-code"] == "over-quota"
    shown = {name: lab.admin.get(lab.path, params=lab.of(name)).json()["quota_set"]["instances"] for name in lab.ids}
    assert shown == {"admin": 5, "ann": 1, "bob": 5}
    detail = lab.ann.get(f"{lab.path}/detail", params=lab.of("ann")).json()["quota_set"]
    assert detail["instances"] == {"limit": 1, "in_use": 1, "reserved": 0}
    assert lab.ann.get(f"{lab.path}/detail").json()["quota_set"]["instances"]["in_use"] == 3
    assert lab.admin.delete(lab.path, params=lab.of("ann")).status_code == 202
    assert lab.admin.get(lab.path).json()["quota_set"]["instances"] == 5
    assert boot(lab.ann, image).status_code == 202


def test_limits_tell_a_user_what_leaves_them_less(lab: Lab) -> None:
    image = lab.server.image()
    lab.admin.put(lab.path, json={"quota_set": {"instances": 3, "cores": 9}}).raise_for_status()
    lab.admin.put(lab.path, json={"quota_set": {"instances": 2}}, params=lab.of("ann")).raise_for_status()

    def limits(client: httpx.Client) -> tuple[int, int, int]:
        found = client.get("/compute/v2.1/limits").json()["limits"]["absolute"]
        return found["maxTotalInstances"], found["totalInstancesUsed"], found["maxTotalCores"]

    boot(lab.bob, image).raise_for_status()
    first = limits(lab.ann), limits(lab.bob)
    boot(lab.bob, image).raise_for_status()

    assert first == ((3, 1, 9), (3, 1, 9))  # two more either way
    assert limits(lab.ann) == (3, 2, 9)  # the project has room for one
    lab.admin.put(lab.path, json={"quota_set": {"instances": 9}}).raise_for_status()
    assert (limits(lab.ann), limits(lab.bob)) == ((2, 0, 9), (9, 2, 9))
    of_project = lab.admin.get("/compute/v2.1/limits", params={"tenant_id": lab.project}).json()["limits"]["absolute"]
    assert of_project["maxTotalInstances"] == 9


def test_force_sets_what_is_refused_without(lab: Lab) -> None:
    lab.admin.put(lab.path, json={"quota_set": {"instances": 3}}).raise_for_status()
    above, below = {"quota_set": {"instances": 4}}, {"quota_set": {"instances": 2}}

    refused = lab.admin.put(lab.path, json=above, params=lab.of("ann"))
    above["quota_set"]["force"] = True
    forced = lab.admin.put(lab.path, json=above, params=lab.of("ann"))
    project_below = lab.admin.put(lab.path, json=below)

    assert (refused.status_code, refused.headers["x-busway-error-code"]) == (400, "quota-above-project")
    assert "less than or equal to 3" in refused.text
    assert forced.json()["quota_set"]["instances"] == 4
    assert (project_below.status_code, project_below.headers["x-busway-error-code"]) == (400, "quota-below-users")


def test_limits_of_networks_are_no_user_s(lab: Lab) -> None:
    admin = lab.server.client(version="2.35")
    before = admin.get(lab.path).json()["quota_set"]["floating_ips"]

    refused = admin.put(lab.path, json={"quota_set": {"floating_ips": 1}}, params=lab.of("ann"))

    assert (refused.status_code, refused.headers["x-busway-error-code"]) == (400, "quota-not-of-users")
    assert admin.get(lab.path, params=lab.of("ann")).json()["quota_set"]["floating_ips"] == before
    unknown = admin.put(lab.path, json={"quota_set": {"cores": 1}}, params={"user_id": "nobody"})
    assert (unknown.status_code, unknown.headers["x-busway-error-code"]) == (400, "quota-user")
    empty = admin.delete(lab.path, params={"user_id": ""})
    assert empty.status_code == 400


def test_busway_s_own_quotas_take_names_of_users_and_devices(lab: Lab) -> None:
    specs = {"extra_specs": {"pci_passthrough:alias": "a1:1"}}
    lab.admin.post("/compute/v2.1/flavors/1/os-extra_specs", json=specs).raise_for_status()
    image, of_ann = lab.server.image(), {"project": "ann", "user": "ann"}
    lab.admin.put(OWN, params=of_ann, json={"limits": {"pci_passthrough:a1": 1}}).raise_for_status()

    assert [boot(each, image).status_code for each in (lab.ann, lab.ann, lab.bob)] == [202, 403, 202]
    shown = lab.ann.get(OWN, params={"user": "ann"}).json()["quota"]
    assert (shown["user_id"], shown["project_id"]) == (lab.ids["ann"], lab.project)
    assert (shown["limits"]["pci_passthrough:a1"], shown["used"]["pci_passthrough:a1"]) == (1, 1)
    assert "image_count_total" not in shown["limits"]
    assert lab.ann.get(OWN).json()["quota"]["used"]["pci_passthrough:a1"] == 2
    assert lab.ann.get(OWN, params={"user": "bob"}).status_code == 403
    assert lab.ann.put(OWN, params=of_ann, json={"limits": {"cores": 99}}).status_code == 403
    assert lab.admin.get(OWN, params={"user": "typo"}).status_code == 404
    assert lab.admin.delete(OWN, params=of_ann).status_code == 204
    assert boot(lab.ann, image).status_code == 202


def test_the_audit_says_whose_limit_was_changed(lab: Lab) -> None:
    lab.admin.put(lab.path, json={"quota_set": {"cores": 3}}, params=lab.of("ann")).raise_for_status()
    lab.admin.delete(OWN, params={"project": "ann", "user": "ann"}).raise_for_status()

    found = lab.admin.get("/busway/v1/audit", params={"target": "quota"}).json()["records"]
    [event] = lab.admin.get("/busway/v1/audit", params={"target": "user_id", "format": "cadf"}).json()["records"]

    assert [each["target"] for each in found] == [
        "quota?project=ann&user=ann",
        f"os-quota-sets/{lab.project}?user_id={lab.ids['ann']}",
    ]
    assert event["target"]["typeURI"] == "service/os-quota-sets"
