"""A page and a show cost what they hold, not what the cloud has: statements and work of SQLite, among few rows and many."""

from pathlib import Path

import pytest

from busway.control.identity.bearer import authenticate
from busway.ovn.northbound import Northbound
from tests.api.many import (
    Work,
    counted,
    fill,
    group_id,
    host_id,
    network_id,
    project_id,
    remember_for_good,
    router_id,
    rule_id,
    server_id,
    subnet_id,
    trunk_id,
    user_id,
)
from tests.api.serving import ApiServer, start_api_server

FEW, MANY = 200, 2000
PATHS = {
    "servers": ("/compute/v2.1/servers?limit=10", 40),
    "servers, all told": ("/compute/v2.1/servers/detail?limit=10", 40),
    "servers, newest told": ("/compute/v2.1/servers/detail?limit=10", 45),
    "servers after a marker": (f"/compute/v2.1/servers/detail?limit=10&marker={server_id(100)}", 40),
    "servers of all projects": ("/compute/v2.1/servers/detail?limit=10&all_tenants=1", 40),
    "servers by name": ("/compute/v2.1/servers/detail?name=^server00100$", 40),
    "servers of a flavor": ("/compute/v2.1/servers/detail?flavor=g1&limit=10", 40),
    "servers of a host": ("/compute/v2.1/servers/detail?host=host00000&limit=10", 40),
    "servers by time": ("/compute/v2.1/servers/detail?limit=10&status=ACTIVE&changes-since=2026-01-01T12:00:00Z", 40),
    "a server": (f"/compute/v2.1/servers/{server_id(100)}", 45),
    "actions": (f"/compute/v2.1/servers/{server_id(100)}/os-instance-actions", 45),
    "an action": (f"/compute/v2.1/servers/{server_id(100)}/os-instance-actions/req-100", 45),
    "ports of a server": (f"/compute/v2.1/servers/{server_id(100)}/os-interface", 45),
    "migrations": ("/compute/v2.1/os-migrations?limit=10", 45),
    "hypervisors": ("/compute/v2.1/os-hypervisors/detail?limit=10", 45),
    "services": ("/compute/v2.1/os-services?host=host00007", 45),
    "key pairs": ("/compute/v2.1/os-keypairs?limit=10", 45),
    "devices": ("/busway/v1/devices?limit=10", 45),
    "devices of a host": ("/busway/v1/devices?host=host00007", 45),
    "a device": ("/busway/v1/devices/host00007:0000:41:00.0", 45),
    "hosts": ("/busway/v1/hosts?limit=10", 45),
    "events": ("/busway/v1/events?limit=10", 45),
    "audit": ("/busway/v1/audit?limit=10", 45),
    "images": ("/image/v2/images?limit=10", 45),
    "images by name": ("/image/v2/images?name=image00100&limit=10&sort=created_at:desc", 45),
    "an image": ("/image/v2/images/00000069-0000-4000-8000-000000000064", 45),
    "networks": ("/network/v2.0/networks?limit=10", 45),
    "networks after a late marker": ("/network/v2.0/networks?limit=10&marker={late_network}", 45),
    "addresses of networks": ("/network/v2.0/network-ip-availabilities?limit=10&marker={late_network}", 45),
    "networks by name": ("/network/v2.0/networks?name=network00100", 45),
    "networks of a member": ("/network/v2.0/networks?limit=10", 45),
    "subnets": ("/network/v2.0/subnets?limit=10", 45),
    "subnets after a late marker": ("/network/v2.0/subnets?limit=10&marker={late_subnet}", 45),
    "subnets before a marker": (f"/network/v2.0/subnets?limit=10&page_reverse=true&marker={subnet_id(101, 4)}", 45),
    "subnets of a network": (f"/network/v2.0/subnets?network_id={network_id(101)}", 45),
    "subnets of a member": ("/network/v2.0/subnets?limit=10", 45),
    "ports": ("/network/v2.0/ports?limit=10", 45),
    "ports by server": (f"/network/v2.0/ports?device_id={server_id(100)}", 45),
    "routers": ("/network/v2.0/routers?limit=10", 45),
    "a router": (f"/network/v2.0/routers/{router_id(100)}", 45),
    "trunks": ("/network/v2.0/trunks?limit=10", 45),
    "trunks that carry ports in use": ("/network/v2.0/trunks?status=ACTIVE&limit=10", 45),
    "a trunk": (f"/network/v2.0/trunks/{trunk_id(100)}", 45),
    "floating addresses": ("/network/v2.0/floatingips?limit=10", 45),
    "a floating address": ("/network/v2.0/floatingips?floating_ip_address=11.0.0.100", 45),
    "security groups": ("/network/v2.0/security-groups?limit=10", 45),
    "security groups of a member": ("/network/v2.0/security-groups?limit=10", 45),
    "security groups after a late marker": ("/network/v2.0/security-groups?limit=10&marker={late_group}", 45),
    "security groups by name": ("/network/v2.0/security-groups?name=group00100", 45),
    "a security group": (f"/network/v2.0/security-groups/{group_id(100)}", 45),
    "rules": ("/network/v2.0/security-group-rules?limit=10", 45),
    "rules after a late marker": ("/network/v2.0/security-group-rules?limit=10&marker={late_rule}", 45),
    "rules of a group": (f"/network/v2.0/security-group-rules?security_group_id={group_id(100)}", 45),
    "a rule": (f"/network/v2.0/security-group-rules/{rule_id(100)}", 45),
    "compute's security groups": ("/compute/v2.1/os-security-groups?limit=10&all_tenants=1", 35),
    "a security group of compute": (f"/compute/v2.1/os-security-groups/{group_id(100)}", 35),
    "security groups of a server": (f"/compute/v2.1/servers/{server_id(100)}/os-security-groups", 45),
    "ports by name": ("/network/v2.0/ports?name=port00100", 45),
    "ports by address": ("/network/v2.0/ports?fixed_ips=ip_address=10.0.0.100", 45),
    "ports by MAC": ("/network/v2.0/ports?mac_address=02:00:00:00:00:64", 45),
    "subnets by name": ("/network/v2.0/subnets?name=four00100", 45),
    "subnets by CIDR": ("/network/v2.0/subnets?cidr=10.0.100.0/24", 45),
    "networks by VLAN": ("/network/v2.0/networks?provider:segmentation_id=100", 45),
    "migrations of a user": (f"/compute/v2.1/os-migrations?user_id={user_id(100)}&limit=10", 80),
    "images of an owner": ("/image/v2/images?owner=alone&limit=10", 45),
    "images by status": ("/image/v2/images?status=queued&limit=10", 45),
    "images by checksum": (f"/image/v2/images?checksum={100:032x}", 45),
    "images by hash": (f"/image/v2/images?os_hash_value={100:0128x}", 45),
    "users": ("/identity/v3/users?limit=10", 45),
    "users by name": ("/identity/v3/users?name=user00100", 45),
    "credentials": ("/identity/v3/credentials?limit=10", 45),
    "trusts": ("/identity/v3/OS-TRUST/trusts?limit=10", 45),
    "limits": ("/identity/v3/limits?limit=10&resource_name=class:VCPU", 45),
    "projects": ("/identity/v3/projects?limit=10", 45),
    "projects by name": ("/identity/v3/projects?name=project00100", 45),
    "server groups": ("/compute/v2.1/os-server-groups?limit=10", 45),
    "server groups of all projects": ("/compute/v2.1/os-server-groups?limit=10&all_projects=1&offset=5", 45),
    "groups": ("/identity/v3/groups?limit=10", 45),
    "groups by name": ("/identity/v3/groups?name=group00100", 45),
    "groups of a user": (f"/identity/v3/users/{user_id(100)}/groups", 45),
    "users of a group": (f"/identity/v3/groups/{group_id(100)}/users", 45),
    "roles of a user": (f"/identity/v3/role_assignments?user.id={user_id(100)}", 45),
    "roles in a project": (f"/identity/v3/role_assignments?scope.project.id={project_id(100)}", 45),
    "effective roles of a user": (f"/identity/v3/role_assignments?user.id={user_id(100)}&effective", 45),
    "projects of a user": (f"/identity/v3/users/{user_id(100)}/projects", 45),
    "a project's quota": (f"/compute/v2.1/os-quota-sets/{project_id(100)}/detail", 45),
    "a project's network quota": (f"/network/v2.0/quotas/{project_id(100)}/details", 45),
    "domains by name": ("/identity/v3/domains?name=Default", 45),
    "a provider": (f"/placement/resource_providers/{host_id(7)}", 45),
    "a provider by name": ("/placement/resource_providers?name=host00007", 45),
    "inventories of a provider": (f"/placement/resource_providers/{host_id(7)}/inventories", 45),
    "usages of a provider": (f"/placement/resource_providers/{host_id(7)}/usages", 45),
    "allocations of a provider": (f"/placement/resource_providers/{host_id(7)}/allocations", 45),
    "allocations of a server": (f"/placement/allocations/{server_id(7)}", 45),
}

# A consumer may be on two hosts, and each is read with what it holds.
_MOST = {"allocations of a server": 17}


def _costs(folder: Path, template: Path, count: int) -> dict[str, Work]:
    folder.mkdir()
    server = start_api_server(folder, template, northbound=Northbound(()))
    remember_for_good(server.control)
    try:
        admin = authenticate(server.control, server.admin)
        fill(server.control.db, count, admin.project_id, admin.user_id)
        found = {}
        for name, (path, version) in PATHS.items():
            token = server.user(name) if "of a member" in name else None
            late = {"late_network": network_id(count - 20), "late_subnet": subnet_id(count - 20, 4)}
            late |= {"late_group": group_id(count - 20), "late_rule": rule_id(count - 20)}
            found[name] = _cost(server, token, path.format(**late), version)
        return found
    finally:
        server.stop()


def _cost(server: ApiServer, token: str | None, path: str, version: int) -> Work:
    with server.client(token, version=f"2.{version}") as client:
        client.get(path).raise_for_status()  # what a process remembers is read once
        with counted(server.control.db) as work:
            answer = client.get(path)
        assert answer.status_code == 200
        assert len(str(answer.json())) > 60, path
    return work


@pytest.fixture(scope="module")
def costs(api_template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Work, Work]]:
    folder = tmp_path_factory.mktemp("costs")
    few, many = _costs(folder / "few", api_template, FEW), _costs(folder / "many", api_template, MANY)
    return {name: (few[name], many[name]) for name in PATHS}


@pytest.mark.thorough
@pytest.mark.parametrize("name", PATHS)
def test_a_page_takes_as_many_statements_among_many_rows(name: str, costs: dict[str, tuple[Work, Work]]) -> None:
    few, many = costs[name]

    assert len(many.statements) == len(few.statements)
    assert len(many.statements) <= _MOST.get(name, 13), "\n".join(many.statements)


@pytest.mark.parametrize("name", PATHS)
def test_a_page_reads_as_much_among_many_rows(name: str, costs: dict[str, tuple[Work, Work]]) -> None:
    few, many = costs[name]

    assert many.steps <= 2 * few.steps + 1000, (few.steps, many.steps, many.statements)
