"""Ports: the addresses that servers hold."""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.encoding import nova_time
from busway.api.network.rows import Row, listing, one, read_only
from busway.api.network.security_groups import group_id
from busway.api.operation import Operation
from busway.control import networks
from busway.domain.network import Port

ROOT = "/network/v2.0/ports"


def _port(port: Port) -> Row:
    return {
        "id": port.id,
        "name": "",
        "description": "",
        "network_id": port.network.id,
        "device_id": port.server_id,
        "device_owner": "compute:nova",
        "mac_address": port.mac,
        "fixed_ips": [{"subnet_id": port.network.subnet_id, "ip_address": port.address}],
        "status": "ACTIVE",
        "admin_state_up": True,
        "allowed_address_pairs": [],
        "extra_dhcp_opts": [],
        "security_groups": [group_id(port.project_id)],
        "port_security_enabled": False,
        "binding:vnic_type": "normal",
        "dns_assignment": [],
        "tenant_id": port.project_id,
        "project_id": port.project_id,
        "tags": [],
        "revision_number": 1,
        "created_at": nova_time(port.created),
        "updated_at": nova_time(port.created),
    }


def _ports(call: Call) -> list[Row]:
    return [_port(each) for each in networks.list_ports(call.control, call.caller)]


def _list(call: Call) -> Reply:
    return listing(call, "ports", _ports(call))


def _show(call: Call) -> Reply:
    return one(call, "port", _ports(call))


OPERATIONS = (
    Operation("GET", ROOT, _list, rule="get_port"),
    Operation("GET", f"{ROOT}/{{id}}", _show, rule="get_port"),
    Operation("POST", ROOT, read_only, rule="create_port"),
    Operation("PUT", f"{ROOT}/{{id}}", read_only, rule="update_port"),
    Operation("DELETE", f"{ROOT}/{{id}}", read_only, rule="delete_port"),
)
