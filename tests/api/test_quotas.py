"""Quotas over HTTP: Nova's own resources under `os-quota-sets`, devices under Busway's API."""

from typing import Any

import httpx
import pytest

from tests.api.serving import ApiServer

ROOT = "/compute/v2.1/os-quota-sets"
OWN = "/busway/v1/quota"


def project(client: httpx.Client, name: str) -> str:
    return str(client.get("/identity/v3/projects", params={"name": name}).json()["projects"][0]["id"])


def boot(client: httpx.Client, image: str, flavor: str = "1") -> httpx.Response:
    server: dict[str, Any] = {"name": "s", "flavorRef": flavor, "imageRef": image, "networks": "none"}
    return client.post("/compute/v2.1/servers", json={"server": server})


def test_a_quota_is_set_held_shown_and_taken_away(api_server: ApiServer) -> None:
    admin, image = api_server.client(version="2.57"), api_server.image()
    ann = api_server.client(api_server.user("ann"), version="2.57")
    mine = f"{ROOT}/{project(admin, 'ann')}"
    changed = admin.put(mine, json={"quota_set": {"instances": 1, "cores": "8"}}).json()["quota_set"]

    assert (changed["instances"], changed["cores"], changed["ram"]) == (1, 8, -1)
    assert boot(ann, image).status_code == 202
    refused = boot(ann, image)
    assert refused.status_code == 403
    assert refused.headers["x-busway-error-code"] == "over-quota"
    assert "Requested 1 instances, but already used 1 of 1" in refused.json()["forbidden"]["message"]
    limits = ann.get("/compute/v2.1/limits").json()["limits"]["absolute"]
    assert (limits["maxTotalInstances"], limits["totalInstancesUsed"], limits["totalRAMUsed"]) == (1, 1, 192)
    detail = ann.get(f"{mine}/detail").json()["quota_set"]
    assert detail["instances"] == {"limit": 1, "in_use": 1, "reserved": 0}
    assert admin.delete(mine).status_code == 202
    assert boot(ann, image).status_code == 202


def test_devices_have_quotas_of_their_own(api_server: ApiServer) -> None:
    admin, image = api_server.client(), api_server.image()
    specs = {"extra_specs": {"pci_passthrough:alias": "a1:2"}}
    admin.post("/compute/v2.1/flavors/1/os-extra_specs", json=specs).raise_for_status()
    ann = api_server.client(api_server.user("ann"), version="2.57")
    admin.put(OWN, params={"project": "ann"}, json={"limits": {"pci_passthrough:a1": 3}}).raise_for_status()

    assert boot(ann, image).status_code == 202
    refused = boot(ann, image)
    assert refused.status_code == 403
    assert "Requested 2 pci_passthrough:a1, but already used 2 of 3" in refused.json()["forbidden"]["message"]
    shown = ann.get(OWN).json()["quota"]
    assert (shown["limits"]["pci_passthrough:a1"], shown["used"]["pci_passthrough:a1"]) == (3, 2)
    assert ann.put(OWN, json={"limits": {"instances": 9}}).status_code == 403
    assert admin.delete(OWN, params={"project": "ann"}).status_code == 204
    assert boot(ann, image).status_code == 202


def test_defaults_hold_for_projects_without_limits(api_server: ApiServer) -> None:
    admin = api_server.client(version="2.57")
    body = {"quota_class_set": {"instances": 7}}
    admin.put("/compute/v2.1/os-quota-class-sets/default", json=body).raise_for_status()
    admin.put("/busway/v1/quota-defaults", json={"limits": {"pci_passthrough:a1": 1}}).raise_for_status()

    assert admin.get("/compute/v2.1/os-quota-class-sets/default").json()["quota_class_set"]["instances"] == 7
    assert admin.get(f"{ROOT}/any/defaults").json()["quota_set"]["instances"] == 7
    assert admin.get("/busway/v1/quota-defaults").json()["limits"]["pci_passthrough:a1"] == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [({"gpus": 1}, "gpus"), ({"instances": -2}, "instances"), ({"instances": "many"}, "instances")],
)
def test_what_is_no_quota_is_refused(api_server: ApiServer, body: dict[str, Any], words: str) -> None:
    admin = api_server.client()
    answer = admin.put(f"{ROOT}/{project(admin, 'admin')}", json={"quota_set": body})
    assert answer.status_code == 400
    assert words in answer.json()["badRequest"]["message"]


def test_the_quota_of_another_project_is_for_admins(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    other = project(api_server.client(), "admin")
    assert ann.get(f"{ROOT}/{other}").status_code == 403
    assert ann.get("/compute/v2.1/limits", params={"tenant_id": other}).status_code == 403
    assert ann.put(f"{ROOT}/{other}", json={"quota_set": {"instances": 1}}).status_code == 403


def test_limits_of_files_in_requests_are_nova_s_up_to_2_56(api_server: ApiServer) -> None:
    client, later = api_server.client(), api_server.client(version="2.57")
    path = "/compute/v2.1/os-quota-class-sets/default"

    changed = client.put(path, json={"quota_class_set": {"injected_files": 99}}).json()["quota_class_set"]

    assert (changed["injected_files"], client.get(path).json()["quota_class_set"]["injected_files"]) == (99, 99)
    assert client.get("/compute/v2.1/limits").json()["limits"]["absolute"]["maxPersonality"] == 99
    assert "injected_files" not in later.get(path).text
    assert later.put(path, json={"quota_class_set": {"injected_files": 1}}).status_code == 400
    assert client.get("/busway/v1/quota").json()["quota"]["limits"]["injected_files"] == 99


def test_the_disks_of_a_projects_servers_have_a_limit_which_is_keystone_s_class_of_disks(api_server: ApiServer) -> None:
    client, image = api_server.client(), api_server.image()
    project = client.get("/busway/v1/quota").json()["quota"]["project_id"]
    compute = next(
        each["id"] for each in client.get("/identity/v3/services").json()["services"] if each["type"] == "compute"
    )
    body = {"name": "s", "imageRef": image, "flavorRef": "2", "networks": "none"}
    size = client.get("/compute/v2.1/flavors/2").json()["flavor"]["disk"]
    limit = {"service_id": compute, "resource_name": "class:DISK_GB", "project_id": project}

    client.post("/identity/v3/limits", json={"limits": [{**limit, "resource_limit": size}]}).raise_for_status()
    answers = [
        httpx.post(
            f"{api_server.url}/compute/v2.1/servers",
            json={"server": body},
            headers={"X-Auth-Token": api_server.admin, "OpenStack-API-Version": "compute 2.90"},
        )
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [202, 403]
    assert f"Requested {size} disk" in answers[1].text
    assert client.get("/busway/v1/quota").json()["quota"]["used"]["disk"] == size


OF_NETWORKS = {
    "fixed_ips": "port",
    "floating_ips": "floatingip",
    "security_groups": "security_group",
    "security_group_rules": "security_group_rule",
}


def test_up_to_2_35_limits_of_networks_are_those_of_the_network_api(api_server: ApiServer) -> None:
    admin, ann = api_server.client(version="2.35"), api_server.client(api_server.user("ann"), version="2.35")
    of_ann = project(admin, "ann")
    mine, theirs = f"{ROOT}/{of_ann}", f"/network/v2.0/quotas/{of_ann}"
    admin.put(theirs, json={"quota": {"security_group_rule": 77, "network": 5}}).raise_for_status()

    wanted = {"fixed_ips": 9, "floating_ips": "8", "security_groups": 2, "instances": 3}
    changed = admin.put(mine, json={"quota_set": wanted}).json()["quota_set"]
    held = admin.get(theirs).json()["quota"]
    groups = [ann.post("/network/v2.0/security-groups", json={"security_group": {"name": n}}).status_code for n in "ab"]
    absolute = ann.get("/compute/v2.1/limits").json()["limits"]["absolute"]

    assert {name: changed[name] for name in OF_NETWORKS} == {name: held[theirs] for name, theirs in OF_NETWORKS.items()}
    assert [held[name] for name in ("port", "floatingip", "security_group", "security_group_rule")] == [9, 8, 2, 77]
    assert groups == [201, 409]  # with the group that each project has
    assert ann.get(f"{mine}/detail").json()["quota_set"]["security_groups"] == {"limit": 2, "in_use": 2, "reserved": 0}
    names = ("maxTotalFloatingIps", "maxSecurityGroups", "maxSecurityGroupRules", "totalSecurityGroupsUsed")
    assert [absolute[name] for name in names] == [8, 2, 77, 2]
    assert absolute["totalFloatingIpsUsed"] == 0
    below = admin.put(mine, json={"quota_set": {"security_groups": 1}})
    assert (below.status_code, "already used 2" in below.text) == (400, True)
    assert admin.put(mine, json={"quota_set": {"security_groups": 1, "force": True}}).status_code == 200


def test_what_is_taken_away_by_the_compute_api_is_what_it_shows(api_server: ApiServer) -> None:
    admin, newer = api_server.client(version="2.35"), api_server.client(version="2.36")
    mine, theirs = f"{ROOT}/{project(admin, 'admin')}", f"/network/v2.0/quotas/{project(admin, 'admin')}"
    limits = {"floatingip": 7, "network": 6}
    admin.put(theirs, json={"quota": limits}).raise_for_status()
    admin.put(mine, json={"quota_set": {"instances": 5}}).raise_for_status()

    def held() -> tuple[object, object, object]:
        of_networks = admin.get(theirs).json()["quota"]
        return of_networks["floatingip"], of_networks["network"], newer.get(mine).json()["quota_set"]["instances"]

    assert newer.put(mine, json={"quota_set": {"floating_ips": 1}}).status_code == 400
    assert newer.delete(mine).status_code == 202
    after_newer = held()
    assert admin.delete(mine).status_code == 202

    assert (after_newer, held()) == ((7, 6, -1), (50, 6, -1))


def test_the_class_of_quotas_has_limits_of_networks_as_long_as_novas(api_server: ApiServer) -> None:
    path = "/compute/v2.1/os-quota-class-sets/default"
    old, newer = api_server.client(version="2.49"), api_server.client(version="2.50")

    changed = old.put(path, json={"quota_class_set": {"floating_ips": 4}}).json()["quota_class_set"]

    assert (changed["floating_ips"], changed["fixed_ips"], changed["security_groups"]) == (4, 500, 10)
    assert old.get(f"/network/v2.0/quotas/{project(old, 'admin')}/default").json()["quota"]["floatingip"] == 4
    assert old.get(f"/network/v2.0/quotas/{project(old, 'admin')}").json()["quota"]["floatingip"] == 4
    assert "floating_ips" not in newer.get(path).text


def test_one_services_limits_are_taken_away_and_the_others_stay(api_server: ApiServer) -> None:
    admin = api_server.client()
    api_server.user("ann")
    ann = project(admin, "ann")
    mine, networks, own = f"{ROOT}/{ann}", f"/network/v2.0/quotas/{ann}", f"{OWN}?project=ann"
    admin.put(mine, json={"quota_set": {"instances": 3}})
    admin.put(networks, json={"quota": {"network": 7}})
    admin.put(own, json={"limits": {"image_count_total": 2}}).raise_for_status()

    admin.delete(mine)
    assert admin.get(mine).json()["quota_set"]["instances"] == -1
    assert admin.get(networks).json()["quota"]["network"] == 7
    assert admin.get(own).json()["quota"]["limits"]["image_count_total"] == 2
    admin.delete(own)
    assert admin.get(networks).json()["quota"]["network"] == 7


def test_limits_of_networks_are_checked_against_what_there_is(api_server: ApiServer) -> None:
    admin, ann = api_server.client(), api_server.client(api_server.user("ann"))
    mine = f"/network/v2.0/quotas/{project(admin, 'ann')}"
    for name in ("a", "b"):
        ann.post("/network/v2.0/networks", json={"network": {"name": name}}).raise_for_status()

    below = admin.put(mine, json={"quota": {"network": 1, "check_limit": True}})
    enough = admin.put(mine, json={"quota": {"network": 2, "subnetpool": -1, "check_limit": True}})
    forced = admin.put(mine, json={"quota": {"network": 1, "check_limit": True, "force": True}})
    absent = admin.put(mine, json={"quota": {"subnetpool": 3}})

    assert (below.status_code, below.headers["x-busway-error-code"]) == (400, "quota-below-use")
    assert enough.json()["quota"]["network"] == 2
    assert forced.json()["quota"]["network"] == 1
    assert (absent.status_code, absent.headers["x-busway-error-code"]) == (501, "quota-resource")


def test_quotas_of_networks_that_projects_have_of_their_own_are_listed(api_server: ApiServer) -> None:
    admin, ann = api_server.client(), api_server.client(api_server.user("ann"))
    mine = project(admin, "ann")
    assert admin.get("/network/v2.0/quotas").json() == {"quotas": []}
    admin.put(f"/network/v2.0/quotas/{mine}", json={"quota": {"network": 7}})
    admin.put(f"{ROOT}/{project(admin, 'admin')}", json={"quota_set": {"instances": 3}})

    [row] = admin.get("/network/v2.0/quotas").json()["quotas"]

    assert (row["project_id"], row["network"], row["port"]) == (mine, 7, 500)
    assert ann.get("/network/v2.0/quotas").status_code == 403


def test_limits_of_another_project_are_shown_to_admins(api_server: ApiServer) -> None:
    admin, ann = api_server.client(version="2.75"), api_server.client(api_server.user("ann"))
    mine = project(admin, "ann")
    admin.put(f"{ROOT}/{mine}", json={"quota_set": {"instances": 3}})

    def instances(client: httpx.Client, tenant: str) -> object:
        answer = client.get("/compute/v2.1/limits", params={"tenant_id": tenant})
        return answer.json()["limits"]["absolute"]["maxTotalInstances"] if answer.status_code == 200 else None

    assert instances(admin, mine) == 3
    assert instances(admin, project(admin, "admin")) == -1
    assert instances(ann, project(admin, "admin")) is None


@pytest.mark.parametrize(
    "path", ["os-quota-sets/nobody", "os-quota-sets/nobody/detail", "os-quota-sets/nobody?user_id=u"]
)
def test_the_quota_of_no_project_is_refused_as_by_nova(api_server: ApiServer, path: str) -> None:
    answer = api_server.client().get(f"/compute/v2.1/{path}")

    assert answer.status_code == 400
    assert "is not a valid project" in answer.text
