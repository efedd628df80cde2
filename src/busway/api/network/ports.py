"""Ports: the addresses that servers hold, and those that users keep for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import nova_time
from busway.api.network import answers
from busway.api.network.answers import PORT, listed, shown
from busway.api.network.networks import NAME, PROJECT
from busway.api.network.port_query import port_filter
from busway.api.network.rows import Row, listing, made, one, one_or_many, page_reply, wanted
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, UUID, Schema, as_bool, closed
from busway.control.networks import port as use_cases
from busway.control.networks import subnet as subnets
from busway.domain.errors import BadInput, NotSupported
from busway.domain.guest_network import AddressPair
from busway.domain.ids import ProjectId
from busway.domain.network import Port

ROOT = "/network/v2.0/ports"
_ADDRESS = {"type": "string", "maxLength": 43}
_PAIR = closed({"ip_address": _ADDRESS, "mac_address": {"type": ["string", "null"], "maxLength": 17}}, "ip_address")
_COMMON = {
    "name": NAME,
    "description": NAME,
    "admin_state_up": BOOLEAN,
    "port_security_enabled": BOOLEAN,
    "security_groups": {"type": ["array", "null"], "maxItems": 50, "items": UUID},
    "allowed_address_pairs": {"type": ["array", "null"], "maxItems": 100, "items": _PAIR},
    "fixed_ips": {
        "type": "array",
        "maxItems": 10,
        "items": closed({"subnet_id": UUID, "ip_address": _ADDRESS}),
    },
    "mac_address": {"type": "string", "maxLength": 17},
    "device_id": {"type": "string", "maxLength": 255},
    "device_owner": {"type": "string", "maxLength": 255},
    "extra_dhcp_opts": {"type": "array"},
    "dns_name": {"type": "string", "maxLength": 255},
    "binding:vnic_type": {"type": "string"},
    "binding:profile": {"type": ["object", "null"]},
    "binding:host_id": {"type": ["string", "null"]},
}
_CREATE = one_or_many(
    "port", closed({**_COMMON, "network_id": UUID, "tenant_id": PROJECT, "project_id": PROJECT}, "network_id")
)
COLUMNS = frozenset(
    {
        "id", "name", "description", "network_id", "device_id", "device_owner", "mac_address", "fixed_ips", "ip_address", "status",
        "admin_state_up", "security_groups", "port_security_enabled", "binding:vnic_type", "binding:host_id", "binding:vif_type",
        "tenant_id", "project_id", "revision_number", "created_at", "updated_at",
    }
)  # fmt: skip
_UPDATE = Schema(closed({"port": closed(_COMMON)}, "port"))
_USUAL: dict[str, object] = {
    "admin_state_up": True,
    "device_id": "",
    "device_owner": "",
    "extra_dhcp_opts": [],
    "dns_name": "",
    "binding:vnic_type": "normal",
    "binding:profile": {},
    "binding:host_id": "",
}


def _rows(call: Call, ports: Sequence[Port]) -> list[Row]:
    """The ports as the caller may see them: where they are bound is for admins."""
    if not call.caller.is_admin:
        return [_row(port) for port in ports]
    hosts = use_cases.hosts_of_ports(call.control, ports)
    return [_row(port) | _binding(hosts.get(port.server_id) if port.server_id else None) for port in ports]


def _binding(host: str | None) -> Row:
    return {
        "binding:host_id": host or "",
        "binding:vif_type": "bridge" if host else "unbound",
        "binding:vif_details": {},
        "binding:profile": {},
    }


def _row(port: Port) -> Row:
    return {
        "id": port.id,
        "name": port.name,
        "description": port.description,
        "network_id": port.network.id,
        "device_id": port.server_id or "",
        "device_owner": "compute:nova" if port.server_id else "",
        "mac_address": port.mac,
        "fixed_ips": [{"subnet_id": subnet.id, "ip_address": address} for subnet, address in port.fixed_ips],
        "status": "ACTIVE" if port.server_id else "DOWN",
        "admin_state_up": True,
        "allowed_address_pairs": [{"mac_address": pair.mac, "ip_address": _address(pair.cidr)} for pair in port.pairs],
        "extra_dhcp_opts": [],
        "security_groups": list(port.groups),
        "port_security_enabled": port.security,
        "binding:vnic_type": "normal",
        "dns_assignment": [],
        "tenant_id": port.project_id,
        "project_id": port.project_id,
        "tags": [],
        "revision_number": 1,
        "created_at": nova_time(port.created),
        "updated_at": nova_time(port.created),
    }


def _address(cidr: str) -> str:
    """A range as its user wrote it: one address without its length."""
    address, _, length = cidr.partition("/")
    return address if length == ("128" if ":" in address else "32") else cidr


def _list(call: Call) -> Reply:
    asked, whole = port_filter(call)
    rows = _rows(call, use_cases.list_ports(call.control, call.caller, asked))
    return page_reply(call, "ports", rows) if whole else listing(call, "ports", rows, COLUMNS)


def _show(call: Call) -> Reply:
    return one(call, "port", _rows(call, [use_cases.get_port(call.control, call.caller, call.path["id"])]))


def _create(call: Call) -> Reply:
    ports = use_cases.create_ports(call.control, call.caller, [_new(call, each) for each in wanted(call, "port")])
    return made(call, "port", _rows(call, ports))


def _new(call: Call, given: dict[str, Any]) -> use_cases.NewPort:
    _refuse(given)
    project = given.get("project_id") or given.get("tenant_id")
    return use_cases.NewPort(given["network_id"], _fields(call, given), ProjectId(project) if project else None)


def _update(call: Call) -> Reply:
    given = call.body["port"]
    _refuse(given)
    changed = use_cases.update_port(call.control, call.caller, call.path["id"], _fields(call, given))
    return Reply({"port": _rows(call, [changed])[0]})


def _delete(call: Call) -> Reply:
    use_cases.delete_port(call.control, call.caller, call.path["id"])
    return NO_CONTENT


def _fields(call: Call, given: dict[str, Any]) -> use_cases.PortFields:
    pairs = given.get("allowed_address_pairs", ())
    return use_cases.PortFields(
        name=given.get("name"),
        description=given.get("description"),
        security=as_bool(given["port_security_enabled"], "port_security_enabled")
        if "port_security_enabled" in given
        else None,
        groups=tuple(given["security_groups"] or ()) if "security_groups" in given else None,
        pairs=tuple(AddressPair(pair.get("mac_address") or "", pair["ip_address"]) for pair in pairs or ())
        if "allowed_address_pairs" in given
        else None,
        mac=given.get("mac_address"),
        fixed_ip=_fixed_ip(call, given.get("fixed_ips", ())),
    )


def _fixed_ip(call: Call, given: list[dict[str, str]]) -> str | None:
    """The IPv4 address that was asked for; an IPv6 subnet may be named, its address follows from the MAC."""
    known = {subnet.id: subnet.version for _network, subnet in subnets.list_subnets(call.control, call.caller)}
    wanted = []
    for each in given:
        subnet, address = each.get("subnet_id"), each.get("ip_address")
        if subnet is not None and subnet not in known:
            raise BadInput(f"Subnet {subnet} could not be found", code="subnet-not-found")
        if address is not None and ":" in address:
            raise NotSupported(
                "An IPv6 address can't be chosen",
                detail="The address of a port follows from its MAC address.",
                remedy="Choose the MAC address, or omit ip_address.",
                code="port-field",
            )
        if address is not None:
            wanted.append(address)
    if len(wanted) > 1:
        raise NotSupported("A port has one IPv4 address", remedy="Use one, or create another port.", code="port-field")
    return wanted[0] if wanted else None


def _refuse(given: dict[str, Any]) -> None:
    for name, usual in _USUAL.items():
        value = given.get(name, usual)
        if isinstance(usual, bool):
            value = as_bool(value, name)
        if value not in (usual, None):
            raise NotSupported(f"{name} of a port can't be set", remedy=f"Omit {name}.", code="port-field")


_ONE = wrap("port", PORT)

OPERATIONS = (
    Operation("GET", ROOT, _list, rule="get_port", answer=listed("ports", PORT)),
    Operation("GET", f"{ROOT}/{{id}}", _show, rule="get_port", answer=shown("port", PORT)),
    Operation("POST", ROOT, _create, body=_CREATE, rule="create_port", answer=answers.made("port", PORT)),
    Operation("PUT", f"{ROOT}/{{id}}", _update, body=_UPDATE, rule="update_port", answer=_ONE),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="delete_port"),
)
