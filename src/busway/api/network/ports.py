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
from busway.api.network.rows import Row, changed_reply, made, one, one_or_many, page_reply, wanted
from busway.api.network.trunks import trunk_details
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, UUID, Schema, as_bool, closed
from busway.control.networks import port as use_cases
from busway.domain.dhcp_option import DhcpOption
from busway.domain.errors import BadInput, NotSupported
from busway.domain.guest_network import DIRECT, DIRECT_PHYSICAL, NORMAL, AddressPair
from busway.domain.ids import ProjectId
from busway.domain.network import FLOATING_IP, FixedIp, Port
from busway.domain.numa_policy import NumaPolicy

ROOT = "/network/v2.0/ports"
_ADDRESS = {"type": "string", "maxLength": 43}
_PAIR = closed({"ip_address": _ADDRESS, "mac_address": {"type": ["string", "null"], "maxLength": 17}}, "ip_address")
_OPTION = closed(
    {
        "opt_name": {"type": "string", "minLength": 1, "maxLength": 64},
        "opt_value": {"type": ["string", "null"], "maxLength": 255},
        "ip_version": {"enum": [4, 6, "4", "6"]},
    },
    "opt_name",
    "opt_value",
)
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
    "extra_dhcp_opts": {"type": ["array", "null"], "maxItems": 50, "items": _OPTION},
    "dns_name": {"type": "string", "maxLength": 255},
    "binding:vnic_type": {"type": "string", "maxLength": 32},
    "numa_affinity_policy": {"enum": [*map(str, NumaPolicy), None]},
    "binding:profile": {"type": ["object", "null"]},
    "binding:host_id": {"type": ["string", "null"]},
}
_CREATE = one_or_many(
    "port", closed({**_COMMON, "network_id": UUID, "tenant_id": PROJECT, "project_id": PROJECT}, "network_id")
)
_UPDATE = Schema(closed({"port": closed(_COMMON)}, "port"))
_USUAL: dict[str, object] = {
    "device_id": "",
    "device_owner": "",
    "dns_name": "",
    "binding:profile": {},
    "binding:host_id": "",
}
_VIF_TYPES = {NORMAL: "bridge", DIRECT: "hw_veb", DIRECT_PHYSICAL: "hostdev_physical"}
# Neutron's types of cards that Busway does not have, and why.
_ABSENT = {
    "macvtap": "A macvtap interface shares a virtual function with its host, which then can't be given away as a whole.",
    "vdpa": "Busway makes no vDPA devices.",
    "virtio-forwarder": "Busway knows no cards that forward virtio.",
    "baremetal": "Busway has virtual machines only.",
    "smart-nic": "Busway has virtual machines only.",
    "remote-managed": "Busway configures no cards that are managed from elsewhere.",
}


def _rows(call: Call, ports: Sequence[Port]) -> list[Row]:
    """The ports as the caller may see them: where they are bound is for admins."""
    details = trunk_details(call, ports)
    rows = [_row(port) | details.get(port.id, {}) for port in ports]
    if not call.caller.is_admin:
        return rows
    hosts = use_cases.hosts_of_ports(call.control, ports)
    return [
        row | _binding(port, hosts.get(port.guest) if port.guest else None)
        for row, port in zip(rows, ports, strict=True)
    ]


def _binding(port: Port, host: str | None) -> Row:
    return {
        "binding:host_id": host or "",
        "binding:vif_type": _VIF_TYPES[port.vnic] if host else "unbound",
        "binding:vif_details": {"port_filter": False, "vlan": str(port.network.vlan)} if host and port.is_sriov else {},
        "binding:profile": _profile(port),
    }


def _profile(port: Port) -> Row:
    """Which function of its host a port is, in Nova's words; or what carries it, in those of Neutron's driver for OVN."""
    if port.carrier is not None:
        return {"parent_name": port.carrier.port_id, "tag": port.carrier.vlan}
    if port.card is None:
        return {}
    found: Row = {
        "pci_slot": str(port.card.address),
        "pci_vendor_info": f"{port.card.vendor_id}:{port.card.product_id}",
        "physical_network": port.network.physical,
    }
    return found | ({"device_mac_address": port.guest_mac} if port.vnic == DIRECT_PHYSICAL else {})


def _row(port: Port) -> Row:
    return {
        "id": port.id,
        "name": port.name,
        "description": port.description,
        "network_id": port.network.id,
        "device_id": port.server_id or port.device_id,
        "device_owner": "compute:nova" if port.server_id else port.device_owner,
        "mac_address": port.guest_mac,
        "fixed_ips": [{"subnet_id": subnet.id, "ip_address": address} for subnet, address in port.fixed_ips],
        "status": "N/A" if port.device_owner == FLOATING_IP else "ACTIVE" if port.is_active else "DOWN",
        "admin_state_up": port.up,
        "allowed_address_pairs": [{"mac_address": pair.mac, "ip_address": _address(pair.cidr)} for pair in port.pairs],
        "extra_dhcp_opts": [
            {"opt_name": each.name, "opt_value": each.value, "ip_version": 4} for each in port.dhcp_options
        ],
        "security_groups": list(port.groups),
        "port_security_enabled": port.security,
        "binding:vnic_type": port.vnic,
        "numa_affinity_policy": port.numa_policy,
        "dns_assignment": [],
        "tenant_id": port.project_id,
        "project_id": port.project_id,
        "tags": [],
        "revision_number": port.revision,
        "created_at": nova_time(port.created),
        "updated_at": nova_time(port.created),
    }


def _address(cidr: str) -> str:
    """A range as its user wrote it: one address without its length."""
    address, _, length = cidr.partition("/")
    return address if length == ("128" if ":" in address else "32") else cidr


def _list(call: Call) -> Reply:
    return page_reply(call, "ports", _rows(call, use_cases.list_ports(call.control, call.caller, port_filter(call))))


def _show(call: Call) -> Reply:
    return one(call, "port", _rows(call, [use_cases.get_port(call.control, call.caller, call.path["id"])]))


def _create(call: Call) -> Reply:
    ports = use_cases.create_ports(call.control, call.caller, [_new(each) for each in wanted(call, "port")])
    return made(call, "port", _rows(call, ports))


def _new(given: dict[str, Any]) -> use_cases.NewPort:
    _refuse(given)
    project = given.get("project_id") or given.get("tenant_id")
    return use_cases.NewPort(given["network_id"], _fields(given), ProjectId(project) if project else None)


def _update(call: Call) -> Reply:
    given = call.body["port"]
    _refuse(given)
    changed = use_cases.update_port(call.control, call.caller, call.path["id"], _fields(given))
    return changed_reply(call, "port", _rows(call, [changed])[0])


def _delete(call: Call) -> Reply:
    use_cases.delete_port(call.control, call.caller, call.path["id"])
    return NO_CONTENT


def _fields(given: dict[str, Any]) -> use_cases.PortFields:
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
        fixed_ips=tuple(FixedIp(each.get("subnet_id", ""), each.get("ip_address", "")) for each in given["fixed_ips"])
        if "fixed_ips" in given
        else None,
        up=as_bool(given["admin_state_up"], "admin_state_up") if "admin_state_up" in given else None,
        vnic=_vnic(given.get("binding:vnic_type")),
        numa_policy=given["numa_affinity_policy"] or "" if "numa_affinity_policy" in given else None,
        dhcp_options=_dhcp_options(given["extra_dhcp_opts"] or ()) if "extra_dhcp_opts" in given else None,
    )


def _dhcp_options(given: Sequence[dict[str, Any]]) -> tuple[DhcpOption, ...]:
    if any(str(each.get("ip_version", 4)) == "6" for each in given):
        raise NotSupported(
            "Extra DHCP options of IPv6 are not supported",
            detail="Guests make their own IPv6 addresses, and ask no DHCP for them.",
            remedy="Use ip_version 4, or omit them.",
            code="port-field",
        )
    return tuple(DhcpOption(each["opt_name"], each["opt_value"] or "") for each in given)


def _vnic(value: str | None) -> str | None:
    """The type of a card; raises `NotSupported` for those that Neutron has and Busway does not have."""
    if value is None or value in _VIF_TYPES:
        return value
    if value in _ABSENT:
        raise NotSupported(
            f"binding:vnic_type {value} is not supported",
            detail=_ABSENT[value],
            remedy=f"Use {', '.join(_VIF_TYPES)}.",
            code="vnic-type",
        )
    raise BadInput(f"'{value[:40]}' is no binding:vnic_type", remedy=f"Use {', '.join(_VIF_TYPES)}.", code="vnic-type")


def _refuse(given: dict[str, Any]) -> None:
    for name, usual in _USUAL.items():
        if given.get(name, usual) not in (usual, None):
            raise NotSupported(f"{name} of a port can't be set", remedy=f"Omit {name}.", code="port-field")


_ONE = wrap("port", PORT)

OPERATIONS = (
    Operation("GET", ROOT, _list, rule="get_port", answer=listed("ports", PORT)),
    Operation("GET", f"{ROOT}/{{id}}", _show, rule="get_port", answer=shown("port", PORT)),
    Operation("POST", ROOT, _create, body=_CREATE, rule="create_port", answer=answers.made("port", PORT)),
    Operation("PUT", f"{ROOT}/{{id}}", _update, body=_UPDATE, rule="update_port", answer=_ONE),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="delete_port"),
)
