"""For each operation with a body a request that succeeds, to which its fields are added one by one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from busway.api.image.patch import PATCH_TYPE
from busway.api.microversion import COMPUTE, versioned
from busway.control.identity.bearer import authenticate
from busway.control.identity.service_catalog import fixed_id
from busway.control.placement.place import place_round
from tests.api.field_walk import Outcome, ids_in, outcome, rows_of
from tests.api.rights import KEY, PASSWORD, World
from tests.api.serving import PASSWORD as OF_ADMIN
from tests.api.serving import ApiServer


@dataclass(frozen=True, slots=True)
class Base:
    """A body that succeeds; `at` are the ids of its path, where it is not about the world's own thing of that kind.

    `until` is the newest microversion that it is for. `before` is SQL that brings the world into the state that it needs.
    One that is `refused` is so whatever it says, with this in the reason.
    """

    body: Any
    at: Mapping[str, str] = field(default_factory=dict)
    until: int | None = None
    before: str = ""
    media_type: str = "application/json"
    refused: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


_ACTION = "POST /compute/v2.1/servers/{id}/action"
_SPACES = "/image/v2/metadefs/namespaces"
_SLICE = {"title": "Slice", "type": "string"}
_NEW_SERVER = {"name": "new", "imageRef": "{image}", "flavorRef": "1"}
_DISK = {"source_type": "image", "destination_type": "local", "uuid": "{image}", "boot_index": 0}
_TOKEN = {"methods": ["password"], "password": {"user": {"id": "{users}", "password": PASSWORD}}}


def _named_token(user: dict[str, Any]) -> dict[str, Any]:
    return {"methods": ["password"], "password": {"user": {**user, "password": PASSWORD}}}


def _credential(given: dict[str, Any]) -> dict[str, Any]:
    return {"methods": ["application_credential"], "application_credential": {**given, "secret": "of kept"}}


def _carried(port: str) -> dict[str, Any]:
    return {"port_id": port, "segmentation_type": "vlan", "segmentation_id": 1}


def _of_admin() -> dict[str, Any]:
    return {"methods": ["password"], "password": {"user": {"id": "{admin}", "password": OF_ADMIN}}}


_TRUST = {
    "trustor_user_id": "{admin}",
    "trustee_user_id": "{users}",
    "project_id": "{project of admin}",
    "impersonation": True,
    "roles": [{"name": "admin"}],
}
_LIMIT = {"service_id": "{compute}", "resource_name": "servers"}
_RULE = {"security_group_id": "{group}", "direction": "ingress", "protocol": "tcp"}
_ACCESS = {"service": "compute", "method": "GET", "path": "/v2.1/servers"}
_PARTS = {
    "host_routes": [{"destination": "10.8.0.0/24", "nexthop": "10.9.0.3"}],
    "allocation_pools": [{"start": "10.9.0.50", "end": "10.9.0.60"}],
}
_OUT = {
    "external_gateway_info": {
        "network_id": "{outer}",
        "external_fixed_ips": [{"subnet_id": "{outer subnet}", "ip_address": "203.0.113.99"}],
    }
}
_SPEC = {"vendor_id": "10de", "product_id": "20b5"}
_INVENTORIES = {
    "MEMORY_MB": {"total": 65536, "reserved": 512},
    "VCPU": {"total": 16, "allocation_ratio": 4.0},
    "DISK_GB": {"total": 1000},
}
_OFFLOADED = "UPDATE servers SET status = 'SHELVED_OFFLOADED', host_id = NULL WHERE name = 's'"
BASES: dict[str, Base | list[Base]] = {
    "POST /identity/v3/auth/tokens": [
        Base({"auth": {"identity": _TOKEN}}),
        Base({"auth": {"identity": {"methods": ["token"], "token": {"id": "{token}"}}}}),
        Base({"auth": {"identity": _named_token({"name": "member", "domain": {"id": "default"}})}}),
        Base({"auth": {"identity": _named_token({"name": "member", "domain": {"name": "Default"}})}}),
        Base({"auth": {"identity": _credential({"id": "{application credential}"})}}),
        Base({"auth": {"identity": _credential({"name": "kept", "user": {"id": "{admin}"}})}}),
        *(
            Base({"auth": {"identity": _credential({"name": "kept", "user": {"name": "admin", "domain": domain}})}})
            for domain in ({"id": "default"}, {"name": "Default"})
        ),
        *(
            Base({"auth": {"identity": _TOKEN, "scope": {"project": {"name": "lab", "domain": domain}}}})
            for domain in ({"id": "default"}, {"name": "Default"})
        ),
        Base({"auth": {"identity": _TOKEN, "scope": {"project": {"id": "{projects}"}}}}),
        Base({"auth": {"identity": _of_admin(), "scope": {"system": {"all": True}}}}),
    ],
    "POST /identity/v3/regions": Base({"region": {"id": "east"}}),
    "PATCH /identity/v3/regions/{id}": Base({"region": {}}, {"id": "RegionOne"}),
    "PUT /identity/v3/regions/{id}": Base({"region": {}}, {"id": "east"}),
    "POST /identity/v3/services": Base({"service": {"type": "t", "name": "n"}}),
    "PATCH /identity/v3/services/{id}": Base({"service": {}}, {"id": "{service}"}),
    "POST /identity/v3/endpoints": Base(
        {"endpoint": {"service_id": "{compute}", "interface": "admin", "url": "http://x.example/"}}
    ),
    "PATCH /identity/v3/endpoints/{id}": Base({"endpoint": {}}, {"id": "{endpoint}"}),
    "POST /identity/v3/domains": Base({"domain": {"name": "d"}}),
    "PATCH /identity/v3/domains/{id}": Base({"domain": {}}),
    "POST /identity/v3/projects": Base({"project": {"name": "p"}}),
    "PATCH /identity/v3/projects/{id}": Base({"project": {}}),
    "PUT /identity/v3/projects/{id}/tags": Base({"tags": []}),
    "POST /identity/v3/users": Base({"user": {"name": "u"}}),
    "PATCH /identity/v3/users/{id}": Base({"user": {}}),
    "POST /identity/v3/users/{id}/password": Base(
        {"user": {"password": "another", "original_password": PASSWORD}}, {"id": "{users}"}
    ),
    "POST /identity/v3/groups": Base({"group": {"name": "g"}}),
    "PATCH /identity/v3/groups/{id}": Base({"group": {}}),
    "POST /identity/v3/users/{user}/application_credentials": Base(
        {"application_credential": {"name": "a", "secret": "of-a", "access_rules": [_ACCESS]}}, {"user": "{admin}"}
    ),
    "POST /identity/v3/credentials": Base(
        {"credential": {"type": "cert", "blob": "b", "user_id": "{users}", "project_id": "{projects}"}}
    ),
    "PATCH /identity/v3/credentials/{id}": Base({"credential": {}}, {"id": "{credential}"}),
    "POST /identity/v3/users/{user}/credentials/OS-EC2": Base({"tenant_id": "{projects}"}),
    "POST /identity/v3/OS-TRUST/trusts": [
        Base({"trust": _TRUST}),
        Base({"trust": {**_TRUST, "allow_redelegation": True, "redelegation_count": 2}}),
    ],
    "POST /identity/v3/registered_limits": Base({"registered_limits": [{**_LIMIT, "default_limit": 7}]}),
    "PATCH /identity/v3/registered_limits/{id}": Base({"registered_limit": {}}, {"id": "{registered limit}"}),
    "POST /identity/v3/limits": Base(
        {"limits": [{**_LIMIT, "project_id": "{project of admin}", "resource_limit": 7}]},
    ),
    "PATCH /identity/v3/limits/{id}": Base({"limit": {}}, {"id": "{limit}"}),
    "POST /identity/v3/roles": Base({"role": {"name": "r"}}),
    "PATCH /identity/v3/roles/{id}": Base({"role": {}}, {"id": "{role odd}"}),
    "POST /compute/v2.1/flavors": Base(
        {"flavor": {"name": "f", "id": "auto", "ram": 64, "vcpus": 1, "disk": 1}},
    ),
    "PUT /compute/v2.1/flavors/{id}": Base({"flavor": {"description": None}}),
    "POST /compute/v2.1/flavors/{id}/os-extra_specs": Base({"extra_specs": {"hw:cpu_policy": "shared"}}),
    "PUT /compute/v2.1/flavors/{id}/os-extra_specs/{key}": Base({"hw:cpu_policy": "shared"}, {"key": "hw:cpu_policy"}),
    "POST /compute/v2.1/flavors/{id}/action": [
        Base({"addTenantAccess": {"tenant": "{projects}"}}, {"id": "{flavor}"}),
        Base({"removeTenantAccess": {"tenant": "{project of admin}"}}, {"id": "{flavor}"}),
    ],
    "POST /compute/v2.1/os-keypairs": [
        Base({"keypair": {"name": "k", "public_key": KEY, "type": "ssh"}}),
        Base({"keypair": {"name": "k", "type": "ssh"}}, until=91),
    ],
    "POST /compute/v2.1/servers": [
        Base({"server": {**_NEW_SERVER, "networks": "auto"}}),
        Base({"server": {**_NEW_SERVER, "networks": [{"uuid": "{networks}"}]}}),
        Base({"server": {**_NEW_SERVER, "networks": "none"}}),
        Base({"server": {**_NEW_SERVER, "networks": "auto", "block_device_mapping_v2": [_DISK]}}),
    ],
    "PUT /compute/v2.1/servers/{id}": Base({"server": {"name": "s"}}),
    **{
        f"{_ACTION} {name}": Base({name: given}, before=before)
        for name, given, before in (
            ("addSecurityGroup", {"name": "of-lab"}, ""),
            ("removeSecurityGroup", {"name": "default"}, ""),
            ("createBackup", {"name": "b", "backup_type": "daily", "rotation": 2}, ""),
            ("createImage", {"name": "i"}, ""),
            ("evacuate", {}, "UPDATE hosts SET seen = '2020-01-01 00:00:00.000000' WHERE name = 'host1'"),
            ("lock", {}, ""),
            ("migrate", {}, ""),
            ("os-getConsoleOutput", {}, ""),
            ("os-migrateLive", {"block_migration": True, "host": "host2"}, ""),
            ("os-resetState", {"state": "error"}, ""),
            ("reboot", {"type": "SOFT"}, ""),
            ("rebuild", {"imageRef": "{image}"}, ""),
            ("rescue", {}, ""),
            ("resize", {"flavorRef": "2"}, ""),
            ("unshelve", {}, _OFFLOADED),
        )
    },
    f"{_ACTION} os-migrateLive of old": Base(
        {"os-migrateLive": {"block_migration": True, "host": "host2", "disk_over_commit": False}}, until=24
    ),
    f"{_ACTION} addFloatingIp": Base(
        {"addFloatingIp": {"address": "{floating address}"}}, until=43, refused="is not reachable from subnet"
    ),
    f"{_ACTION} removeFloatingIp": Base(
        {"removeFloatingIp": {"address": "{floating address}"}}, until=43, refused="is not associated with instance"
    ),
    f"{_ACTION} addFixedIp": Base({"addFixedIp": {"networkId": "{networks}"}}, until=43),
    f"{_ACTION} removeFixedIp": Base(
        {"removeFixedIp": {"address": "192.0.2.9"}}, until=43, refused="not found for instance"
    ),
    f"{_ACTION} changePassword": Base({"changePassword": {"adminPass": "x"}}, refused="has no channel for an agent"),
    **{
        f"{_ACTION} os-get{kind}Console": Base({f"os-get{kind}Console": {"type": type_}}, until=5, refused=refused)
        for kind, type_, refused in (
            ("VNC", "novnc", ""),
            ("SPICE", "spice-html5", "Busway does not have it"),
            ("Serial", "serial", ""),
            ("RDP", "rdp-html5", "Busway does not have it"),
        )
    },
    "POST /compute/v2.1/servers/{id}/metadata": Base({"metadata": {"a": "1"}}),
    "PUT /compute/v2.1/servers/{id}/metadata": Base({"metadata": {"a": "1"}}),
    "PUT /compute/v2.1/servers/{id}/metadata/{key}": Base({"meta": {"key": "1"}}),
    "PUT /compute/v2.1/servers/{id}/tags": Base({"tags": []}),
    "POST /compute/v2.1/os-server-external-events": Base(
        {"events": [{"name": "network-changed", "server_uuid": "{servers}"}]}
    ),
    "POST /compute/v2.1/servers/{id}/os-interface": [
        Base({"interfaceAttachment": {"net_id": "{networks}"}}),
        Base({"interfaceAttachment": {"port_id": "{port of lab}"}}),
    ],
    "POST /compute/v2.1/servers/{id}/migrations/{migration_id}/action": Base(
        {"force_complete": None}, {"migration_id": "7"}, refused="In-progress live migration 7 is not found"
    ),
    "POST /compute/v2.1/servers/{id}/remote-consoles": Base({"remote_console": {"protocol": "vnc", "type": "novnc"}}),
    "PUT /compute/v2.1/os-quota-sets/{project}": [
        Base({"quota_set": {"cores": 50}}),
        Base({"quota_set": {"instances": 0, "force": True}}),
        Base({"quota_set": {"cores": 50}}, until=56),
    ],
    "PUT /compute/v2.1/os-quota-class-sets/{name}": [
        Base({"quota_class_set": {"cores": 50}}),
        Base({"quota_class_set": {"cores": 50}}, until=56),
    ],
    "POST /compute/v2.1/os-server-groups": [
        Base({"server_group": {"name": "g", "policy": "anti-affinity"}}),
        Base({"server_group": {"name": "g", "policies": ["anti-affinity"]}}, until=63),
    ],
    "POST /compute/v2.1/os-aggregates": Base({"aggregate": {"name": "a"}}),
    "PUT /compute/v2.1/os-aggregates/{id}": Base({"aggregate": {"name": "a"}}),
    "POST /compute/v2.1/os-aggregates/{id}/action": [
        Base({"add_host": {"host": "host2"}}),
        Base({"remove_host": {"host": "host1"}}),
        Base({"set_metadata": {"metadata": {"a": "b"}}}),
    ],
    "PUT /compute/v2.1/os-services/{id}": [
        Base({"status": "disabled"}, {"id": "{host id}"}),
        Base({"host": "host1", "binary": "nova-compute", "disabled_reason": "x"}, {"id": "disable-log-reason"}, 52),
    ],
    "PUT /compute/v2.1/os-hosts/{name}": Base({"status": "disable"}, {"name": "host1"}, 42),
    "POST /compute/v2.1/images/{id}/metadata": Base({"metadata": {"a": "1"}}),
    "PUT /compute/v2.1/images/{id}/metadata": Base({"metadata": {"a": "1"}}),
    "PUT /compute/v2.1/images/{id}/metadata/{key}": Base({"meta": {"key": "1"}}),
    "POST /compute/v2.1/os-security-groups": Base({"security_group": {"name": "g", "description": "d"}}),
    "PUT /compute/v2.1/os-security-groups/{id}": Base(
        {"security_group": {"name": "g", "description": "d"}}, {"id": "{group}"}
    ),
    "POST /compute/v2.1/os-security-group-rules": Base(
        {"security_group_rule": {"parent_group_id": "{group}", "ip_protocol": "tcp", "from_port": 1, "to_port": 9}}
    ),
    "POST /compute/v2.1/os-floating-ips": Base({"pool": "outer"}),
    "POST /image/v2/tasks": Base({"type": "import", "input": {}}, refused="Tasks are not created by users"),
    "POST /image/v2/images": Base({"name": "i"}),
    "PATCH /image/v2/images/{id}": [
        Base([{"op": "add", "path": "/word", "value": "x"}], media_type=PATCH_TYPE),
        *(
            Base([{op: path, "value": "x"}], media_type="application/openstack-images-v2.0-json-patch")
            for op, path in (("add", "/word"), ("replace", "/name"), ("remove", "/kept"))
        ),
    ],
    "POST /image/v2/images/{id}/members": Base({"member": "{projects}"}),
    "PUT /image/v2/images/{id}/members/{member}": Base({"status": "accepted"}),
    "POST /image/v2/images/{id}/import": Base({"method": {"name": "glance-direct"}}, {"id": "{staged}"}),
    f"POST {_SPACES}": Base({"namespace": "N"}),
    f"PUT {_SPACES}/{{namespace}}": Base({"namespace": "Lab::Racks"}),
    f"POST {_SPACES}/{{namespace}}/resource_types": Base({"name": "OS::Nova::Server"}),
    f"POST {_SPACES}/{{namespace}}/properties": Base({"name": "n", **_SLICE}),
    f"PUT {_SPACES}/{{namespace}}/properties/{{part}}": Base({"name": "row", **_SLICE}),
    f"POST {_SPACES}/{{namespace}}/objects": Base({"name": "n"}),
    f"PUT {_SPACES}/{{namespace}}/objects/{{part}}": Base({"name": "place"}),
    f"POST {_SPACES}/{{namespace}}/tags": Base({"tags": []}),
    f"PUT {_SPACES}/{{namespace}}/tags/{{part}}": Base({"name": "old"}),
    "POST /network/v2.0/networks": [Base({"network": {}}), Base({"networks": [{}]})],
    "PUT /network/v2.0/networks/{id}": Base({"network": {}}),
    "POST /network/v2.0/subnets": [
        Base({"subnet": {"network_id": "{empty network}", "cidr": "10.9.0.0/24"}}),
        Base({"subnets": [{"network_id": "{empty network}", "cidr": "10.9.0.0/24"}]}),
        Base({"subnet": {"network_id": "{empty network}", "cidr": "10.9.0.0/24", **_PARTS}}),
        Base({"subnets": [{"network_id": "{empty network}", "cidr": "10.9.0.0/24", **_PARTS}]}),
    ],
    "PUT /network/v2.0/subnets/{id}": [
        Base({"subnet": {}}, {"id": "{subnet}"}),
        Base({"subnet": {"host_routes": [{"destination": "10.8.0.0/24", "nexthop": "10.66.0.3"}]}}, {"id": "{subnet}"}),
        Base({"subnet": {"allocation_pools": [{"start": "10.66.0.10", "end": "10.66.0.250"}]}}, {"id": "{subnet}"}),
    ],
    "POST /network/v2.0/ports": [
        Base({"port": {"network_id": "{networks}"}}),
        Base({"ports": [{"network_id": "{networks}"}]}),
    ],
    "PUT /network/v2.0/ports/{id}": Base({"port": {}}, {"id": "{port}"}),
    "POST /network/v2.0/routers": [Base({"router": {"name": "r2"}}), Base({"router": _OUT})],
    "PUT /network/v2.0/routers/{id}": [
        Base({"router": {}}, {"id": "{joined}"}),
        Base({"router": _OUT}, {"id": "{joined}"}),
        Base({"router": {"routes": [{"destination": "10.8.0.0/24", "nexthop": "10.61.0.9"}]}}, {"id": "{joined}"}),
    ],
    "PUT /network/v2.0/routers/{id}/add_extraroutes": Base(
        {"router": {"routes": [{"destination": "10.9.0.0/24", "nexthop": "10.61.0.9"}]}}, {"id": "{joined}"}
    ),
    "PUT /network/v2.0/routers/{id}/remove_extraroutes": Base(
        {"router": {"routes": [{"destination": "10.9.0.0/24", "nexthop": "10.61.0.9"}]}}, {"id": "{joined}"}
    ),
    "PUT /network/v2.0/routers/{id}/add_router_interface": [
        Base({"subnet_id": "{inner subnet}"}, {"id": "{router}"}),
        Base({"port_id": "{inner port}"}, {"id": "{router}"}),
    ],
    "PUT /network/v2.0/routers/{id}/remove_router_interface": [
        Base({"subnet_id": "{joined subnet}"}, {"id": "{joined}"}),
        Base({"port_id": "{joined port}"}, {"id": "{joined}"}),
    ],
    "POST /network/v2.0/trunks": [
        Base({"trunk": {"port_id": "{own port to carry}"}}),
        Base({"trunk": {"port_id": "{own port to carry}", "sub_ports": [_carried("{other own port}")]}}),
    ],
    "PUT /network/v2.0/trunks/{id}": Base({"trunk": {}}),
    "PUT /network/v2.0/trunks/{id}/add_subports": Base({"sub_ports": [_carried("{port to carry}")]}),
    "PUT /network/v2.0/trunks/{id}/remove_subports": Base(
        {"sub_ports": [{"port_id": "{carried port}"}]}, {"id": "{carrying}"}
    ),
    "PUT /network/v2.0/trunks/{id}/tags": Base({"tags": []}),
    "POST /network/v2.0/floatingips": Base({"floatingip": {"floating_network_id": "{outer}"}}),
    "PUT /network/v2.0/floatingips/{id}": Base({"floatingip": {}}),
    "PUT /network/v2.0/routers/{id}/tags": Base({"tags": []}),
    "PUT /network/v2.0/floatingips/{id}/tags": Base({"tags": []}),
    "POST /network/v2.0/security-groups": Base({"security_group": {"name": "g"}}),
    "PUT /network/v2.0/security-groups/{id}": Base({"security_group": {}}, {"id": "{group}"}),
    "POST /network/v2.0/security-group-rules": Base({"security_group_rule": _RULE}),
    "PUT /network/v2.0/quotas/{project}": [
        Base({"quota": {"network": 3}}),
        Base({"quota": {"port": 0, "security_group": 0, "network": 0, "check_limit": True, "force": True}}),
        Base(
            {"quota": {"port": 0, "security_group": 0, "network": 0, "check_limit": True}},
            refused="must be greater than or equal to already used",
        ),
    ],
    "PUT /network/v2.0/networks/{id}/tags": Base({"tags": []}),
    "PUT /network/v2.0/subnets/{id}/tags": Base({"tags": []}, {"id": "{subnet}"}),
    "PUT /network/v2.0/ports/{id}/tags": Base({"tags": []}, {"id": "{port}"}),
    "PUT /network/v2.0/security-groups/{id}/tags": Base({"tags": []}, {"id": "{group}"}),
    "PUT /placement/resource_providers/{id}/inventories": Base(
        {"inventories": _INVENTORIES, "resource_provider_generation": 6}, {"id": "{host id}"}
    ),
    "PUT /placement/resource_providers/{id}/inventories/{class}": Base(
        {"total": 65536, "reserved": 512, "resource_provider_generation": 6}, {"id": "{host id}", "class": "MEMORY_MB"}
    ),
    "PUT /placement/resource_providers/{id}/traits": Base(
        {"traits": ["COMPUTE_NODE", "OWNER_NOVA"], "resource_provider_generation": 6}, {"id": "{host id}"}
    ),
    "POST /busway/v1/hosts": [Base({"name": "host3"}), Base({"name": "host1", "rotate": True})],
    "PATCH /busway/v1/hosts/{name}": Base({"enabled": False}),
    "POST /busway/v1/aliases": Base({"definitions": [{"name": "a8", **_SPEC}]}),
    "PATCH /busway/v1/aliases/{name:path}": Base(
        {"definitions": [{"name": "a9", **_SPEC}], "version": 1}, {"name:path": "a9"}
    ),
    "POST /busway/v1/device-specs": Base({"definition": {"vendor_id": "10de", "product_id": "20b6"}}),
    "PATCH /busway/v1/device-specs/{id}": Base({"definition": _SPEC, "version": 2}, {"id": "{spec}"}),
    "POST /busway/v1/servers/{id}/devices": Base({"alias": "a1"}),
    "PUT /busway/v1/quota": [
        Base({"limits": {"cores": 5}}),
        Base({"limits": {"instances": 0}, "force": True}, query={"project": "lab"}),
    ],
    "PUT /busway/v1/quota-defaults": Base({"limits": {"cores": 5}}),
}


class FieldWorld(World):
    """The world in which fields are tried: whatever a request did is undone, and its clock stands still."""

    def __init__(self, server: ApiServer) -> None:
        super().__init__(server)
        server.clock.stopped = server.clock()
        self.known = ids_in(rows_of(self._database))

    def _things(self) -> dict[str, str]:
        things = super()._things()
        return things | self._more(things)

    def _more(self, things: dict[str, str]) -> dict[str, str]:
        """The server runs, and there is a second one of what requests name besides the thing of their path."""
        server, admin = self.server, self.admin
        hosts = [self.host, server.host("host2")]
        place_round(server.control)
        for _ in range(3):
            for host in hosts:
                host.obey()
        own = authenticate(server.control, server.admin)
        with server.client(server.token("member", PASSWORD, "lab")) as member:
            of_lab = {"security_group": {"name": "of-lab"}}
            member.post("/network/v2.0/security-groups", json=of_lab).raise_for_status()
        network = self._post("/network/v2.0/networks", "network", name="empty")
        group = self._post("/network/v2.0/security-groups", "security_group", name="second")
        kept = [{"op": "add", "path": "/kept", "value": "x"}]
        patch = {"Content-Type": PATCH_TYPE}
        admin.patch(f"/image/v2/images/{things['images']}", json=kept, headers=patch).raise_for_status()
        staged = admin.post("/image/v2/images", json={"name": "s", "disk_format": "raw", "container_format": "bare"})
        admin.put(f"/image/v2/images/{staged.json()['id']}/stage", content=b"data").raise_for_status()
        flavor = {"name": "closed", "ram": 1, "vcpus": 1, "disk": 1, "os-flavor-access:is_public": False}
        closed = self._post("/compute/v2.1/flavors", "flavor", **flavor)
        access = {"addTenantAccess": {"tenant": own.project_id}}
        admin.post(f"/compute/v2.1/flavors/{closed}/action", json=access).raise_for_status()
        on_system = f"/identity/v3/system/users/{own.user_id}/roles/{things['roles']}"
        admin.put(on_system).raise_for_status()
        credential_of_admin = {"name": "kept", "secret": "of kept"}
        made = admin.post(
            f"/identity/v3/users/{own.user_id}/application_credentials",
            json={"application_credential": credential_of_admin},
        )
        alias = {"definitions": ['{"name": "a9", "vendor_id": "10de", "product_id": "20b5"}']}
        admin.post("/busway/v1/aliases", json=alias).raise_for_status()
        admin.post(
            f"/compute/v2.1/os-aggregates/{things['os-aggregates']}/action", json={"add_host": {"host": "host1"}}
        ).raise_for_status()
        admin.post("/busway/v1/device-specs", json={"definition": _SPEC}).raise_for_status()
        limit: dict[str, Any] = {"service_id": fixed_id("service", "compute"), "resource_name": "servers"}
        limit |= {"project_id": things["projects"], "resource_limit": 5}
        credential = {"type": "cert", "blob": "b", "user_id": things["users"], "project_id": things["projects"]}
        registered = admin.get("/identity/v3/registered_limits").json()["registered_limits"][0]["id"]
        endpoints = admin.get("/identity/v3/endpoints").json()["endpoints"]
        roles = {each["name"]: each["id"] for each in admin.get("/identity/v3/roles").json()["roles"]}
        return {
            **self._routed(),
            **self._trunks(),
            "image": server.image("second"),
            "compute": fixed_id("service", "compute"),
            "service": self._post("/identity/v3/services", "service", type="own", name="own"),
            "endpoint": endpoints[0]["id"],
            "admin": own.user_id,
            "project of admin": own.project_id,
            "credential": self._post("/identity/v3/credentials", "credential", **credential),
            "registered limit": registered,
            "limit": admin.post("/identity/v3/limits", json={"limits": [limit]}).json()["limits"][0]["id"],
            "role odd": roles["odd"],
            "flavor": closed,
            "group": group,
            "port of lab": self._post(
                "/network/v2.0/ports", "port", network_id=things["networks"], project_id=things["projects"]
            ),
            "port": self._post("/network/v2.0/ports", "port", network_id=things["networks"]),
            "host id": hosts[0].id,
            "staged": staged.json()["id"],
            "empty network": network,
            "subnet": admin.get("/network/v2.0/subnets").json()["subnets"][0]["id"],
            "spec": str(admin.get("/busway/v1/device-specs").json()["device_specs"][0]["id"]),
            "application credential": made.json()["application_credential"]["id"],
            "token": server.admin,
        }

    def _routed(self) -> dict[str, str]:
        """A router that joins a subnet, one that joins none, and a subnet and a port that no router joins."""
        found = {"router": self._post("/network/v2.0/routers", "router", name="r")}
        found["joined"] = self._post("/network/v2.0/routers", "router", name="joined")
        for name, cidr in (("joined", "10.61.0.0/24"), ("inner", "10.62.0.0/24")):
            made = {"name": name, "provider:network_type": "geneve"}
            network = self._post("/network/v2.0/networks", "network", **made)
            found[f"{name} subnet"] = self._post("/network/v2.0/subnets", "subnet", network_id=network, cidr=cidr)
            if name == "inner":
                found["inner port"] = self._post("/network/v2.0/ports", "port", network_id=network)
        path = f"/network/v2.0/routers/{found['joined']}/add_router_interface"
        joined = self.admin.put(path, json={"subnet_id": found["joined subnet"]}).raise_for_status().json()
        outer = self.admin.get("/network/v2.0/networks", params={"name": "outer"}).json()["networks"][0]
        floating = self.admin.get("/network/v2.0/floatingips").json()["floatingips"][0]["floating_ip_address"]
        of_outer = {"outer": outer["id"], "outer subnet": outer["subnets"][0], "floating address": floating}
        return {**found, **of_outer, "joined port": joined["port_id"]}

    def _trunks(self) -> dict[str, str]:
        """A trunk that carries a port, and a port that a trunk may carry: they are of the project that has the first trunk."""
        known = self.admin.get("/network/v2.0/trunks").json()["trunks"][0]
        network = self.admin.get(f"/network/v2.0/ports/{known['port_id']}").json()["port"]["network_id"]
        wanted = {"network_id": network, "project_id": known["project_id"]}
        parent, carried, free = (self._post("/network/v2.0/ports", "port", **wanted) for _ in range(3))
        trunk = {"port_id": parent, "sub_ports": [_carried(carried)], "project_id": known["project_id"]}
        carrying = self._post("/network/v2.0/trunks", "trunk", **trunk)
        own, other = (self._post("/network/v2.0/ports", "port", network_id=network) for _ in range(2))
        mine = {"own port to carry": own, "other own port": other}
        return {"carrying": carrying, "carried port": carried, "port to carry": free, **mine}

    def try_out(self, method: str, path: str, base: Base, body: Any, version: int) -> tuple[Outcome, Any]:
        """What a request did, and its answer."""
        self.forget()
        control = self.server.control
        with control.db.read() as tx:
            control.rules_cache.get(control.settings, tx, version=-1)  # reads the rules anew
        if base.before:
            with self.server.control.db.write() as tx:
                tx.execute(text(base.before))
        service = versioned(path) or COMPUTE
        for name, value in {**self._named(path), **base.at}.items():
            path = path.replace(f"{{{name}}}", self.words(value))
        headers = {"OpenStack-API-Version": f"{service.word} {service.shown(min(version, service.maximum))}"}
        headers |= {"X-Auth-Token": self.server.admin, "Content-Type": base.media_type}
        answer = self._http.request(
            method, path, content=json.dumps(self.words(body)), headers=headers, params=dict(base.query)
        )
        assert answer.status_code < 500 or answer.status_code == 501, answer.text
        try:
            told = answer.json()
        except ValueError:
            told = answer.text
        shown = [told, {name: answer.headers[name] for name in ("location",) if name in answer.headers}]
        rows = rows_of(self._database) if answer.is_success else {}
        return outcome(answer.status_code, shown, rows, self.known | ids_in(body)), told

    def words(self, value: Any) -> Any:
        """The value with the world's ids in place of their names in braces."""
        if isinstance(value, str):
            return self.things.get(value[1:-1], value) if value[:1] + value[-1:] == "{}" else value
        if isinstance(value, list):
            return [self.words(each) for each in value]
        if isinstance(value, Mapping):
            return {self.words(key): self.words(each) for key, each in value.items()}
        return value
