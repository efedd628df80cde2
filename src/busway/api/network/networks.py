"""Networks and their one subnet each."""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.encoding import nova_time
from busway.api.network.rows import Row, listing, one, read_only, write_rule
from busway.api.operation import Operation
from busway.control import networks
from busway.domain.network import Network

ROOT = "/network/v2.0"


def _network(network: Network) -> Row:
    return {
        "id": network.id,
        "name": network.name,
        "description": "",
        "status": "ACTIVE",
        "admin_state_up": True,
        "shared": True,
        "router:external": False,
        "is_default": True,
        "mtu": 1500,
        "subnets": [network.subnet_id],
        "availability_zones": [],
        "availability_zone_hints": [],
        "port_security_enabled": False,
        "tenant_id": network.owner,
        "project_id": network.owner,
        "tags": [],
        "revision_number": 1,
        "created_at": nova_time(network.created),
        "updated_at": nova_time(network.created),
    }


def _subnet(network: Network) -> Row:
    return {
        "id": network.subnet_id,
        "name": f"{network.name}-v4",
        "description": "",
        "network_id": network.id,
        "cidr": network.cidr,
        "gateway_ip": network.gateway,
        "ip_version": 4,
        "enable_dhcp": False,
        "allocation_pools": [{"start": network.first, "end": network.last}],
        "dns_nameservers": [],
        "host_routes": [],
        "ipv6_address_mode": None,
        "ipv6_ra_mode": None,
        "subnetpool_id": None,
        "service_types": [],
        "segment_id": None,
        "tenant_id": network.owner,
        "project_id": network.owner,
        "tags": [],
        "revision_number": 1,
        "created_at": nova_time(network.created),
        "updated_at": nova_time(network.created),
    }


def _networks(call: Call) -> list[Row]:
    return [_network(each) for each in networks.list_networks(call.control, call.caller)]


def _subnets(call: Call) -> list[Row]:
    return [_subnet(each) for each in networks.list_networks(call.control, call.caller)]


def _list(call: Call) -> Reply:
    return listing(call, "networks", _networks(call))


def _show(call: Call) -> Reply:
    return one(call, "network", _networks(call))


def _list_subnets(call: Call) -> Reply:
    return listing(call, "subnets", _subnets(call))


def _show_subnet(call: Call) -> Reply:
    return one(call, "subnet", _subnets(call))


OPERATIONS = (
    Operation("GET", f"{ROOT}/networks", _list, rule="get_network"),
    Operation("GET", f"{ROOT}/networks/{{id}}", _show, rule="get_network"),
    Operation("GET", f"{ROOT}/subnets", _list_subnets, rule="get_subnet"),
    Operation("GET", f"{ROOT}/subnets/{{id}}", _show_subnet, rule="get_subnet"),
    *(
        Operation(method, f"{ROOT}/{path}", read_only, rule=write_rule(method, kind))
        for kind in ("networks", "subnets", "routers", "floatingips")
        for method, path in (("POST", kind), ("PUT", f"{kind}/{{id}}"), ("DELETE", f"{kind}/{{id}}"))
    ),
)
