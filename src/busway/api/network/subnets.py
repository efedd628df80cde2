"""Subnets: at most one of each IP version on a network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import nova_time
from busway.api.network import answers
from busway.api.network.answers import SUBNET, listed, shown
from busway.api.network.network_query import network_filter
from busway.api.network.networks import NAME, PROJECT
from busway.api.network.rows import Row, changed_reply, made, one, one_or_many, page_reply, wanted
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, UUID, Schema, as_bool, closed
from busway.control.networks import subnet as use_cases
from busway.domain.errors import BadInput, NotSupported
from busway.domain.guest_network import HostRoute
from busway.domain.network import Network, Subnet
from busway.store.network_list import SUBNET_COLUMNS, NetworkFilter

ROOT = "/network/v2.0/subnets"
_ADDRESS = {"type": "string", "maxLength": 43}
_MODE = {"enum": ["slaac", "dhcpv6-stateful", "dhcpv6-stateless", None]}
_ROUTE = closed({"destination": _ADDRESS, "nexthop": _ADDRESS}, "destination", "nexthop")
_POOL = closed({"start": _ADDRESS, "end": _ADDRESS}, "start", "end")
_COMMON = {
    "name": NAME,
    "description": NAME,
    "enable_dhcp": BOOLEAN,
    "dns_nameservers": {"type": "array", "maxItems": 5, "items": _ADDRESS},
    "host_routes": {"type": "array", "maxItems": 20, "items": _ROUTE},
    "gateway_ip": {"type": ["string", "null"], "maxLength": 43},
    "allocation_pools": {"type": "array", "maxItems": 20, "items": _POOL},
}
_CREATE = one_or_many(
    "subnet",
    closed(
        {
            **_COMMON,
            "network_id": UUID,
            "cidr": _ADDRESS,
            "ip_version": {"enum": [4, 6, "4", "6"]},
            "ipv6_ra_mode": _MODE,
            "ipv6_address_mode": _MODE,
            "subnetpool_id": {"type": ["string", "null"]},
            "tenant_id": PROJECT,
            "project_id": PROJECT,
        },
        "network_id",
        "cidr",
    ),
)
_UPDATE = Schema(closed({"subnet": closed(_COMMON)}, "subnet"))


def _row(network: Network, subnet: Subnet) -> Row:
    mode = "slaac" if subnet.version == 6 and subnet.dhcp else None
    return {
        "id": subnet.id,
        "name": subnet.name,
        "description": subnet.description,
        "network_id": network.id,
        "cidr": subnet.cidr,
        "gateway_ip": subnet.gateway or None,
        "ip_version": subnet.version,
        "enable_dhcp": subnet.dhcp,
        "allocation_pools": [{"start": first, "end": last} for first, last in subnet.pools],
        "dns_nameservers": list(subnet.dns),
        "host_routes": [{"destination": each.destination, "nexthop": each.nexthop} for each in subnet.routes],
        "ipv6_address_mode": mode,
        "ipv6_ra_mode": mode,
        "subnetpool_id": None,
        "service_types": [],
        "segment_id": None,
        "tenant_id": network.owner,
        "project_id": network.owner,
        "tags": [],
        "revision_number": subnet.revision,
        "created_at": nova_time(network.created),
        "updated_at": nova_time(network.created),
    }


def _rows(call: Call, wanted: NetworkFilter) -> list[Row]:
    return [_row(*each) for each in use_cases.list_subnets(call.control, call.caller, wanted)]


def _list(call: Call) -> Reply:
    return page_reply(call, "subnets", _rows(call, network_filter(call, SUBNET_COLUMNS)))


def _show(call: Call) -> Reply:
    return one(call, "subnet", _rows(call, NetworkFilter({"id": [call.path["id"]]})))


def _create(call: Call) -> Reply:
    subnets = use_cases.create_subnets(call.control, call.caller, [_new(each) for each in wanted(call, "subnet")])
    return made(call, "subnet", [_row(*each) for each in subnets])


def _new(given: dict[str, Any]) -> use_cases.NewSubnet:
    if given.get("subnetpool_id"):
        raise NotSupported("There are no subnet pools", remedy="Give a cidr.", code="subnet-field")
    version = 6 if ":" in given["cidr"] else 4
    if "ip_version" in given and int(given["ip_version"]) != version:
        raise BadInput(f"{given['cidr']} is not of IP version {given['ip_version']}", code="subnet-cidr")
    modes = {given.get("ipv6_ra_mode"), given.get("ipv6_address_mode")} - {None}
    if modes - {"slaac"} or (modes and version == 4):
        raise NotSupported(
            f"The IPv6 mode {', '.join(sorted(map(str, modes)))} is not supported",
            detail="The IPv6 address of a port follows from its MAC address.",
            remedy="Use slaac for IPv6, or omit the modes.",
            code="subnet-field",
        )
    return use_cases.NewSubnet(
        given["network_id"],
        given.get("name", ""),
        given["cidr"],
        (given["gateway_ip"] or "") if "gateway_ip" in given else None,
        _pools(given["allocation_pools"]) if "allocation_pools" in given else None,
        as_bool(given["enable_dhcp"], "enable_dhcp") if "enable_dhcp" in given else True if modes else None,
        tuple(given.get("dns_nameservers", ())),
        _routes(given.get("host_routes", ())),
        given.get("description", ""),
        given.get("project_id") or given.get("tenant_id"),
    )


def _routes(given: Iterable[dict[str, str]]) -> tuple[HostRoute, ...]:
    return tuple(HostRoute(each["destination"], each["nexthop"]) for each in given)


def _update(call: Call) -> Reply:
    given = call.body["subnet"]
    changed = use_cases.update_subnet(
        call.control,
        call.caller,
        call.path["id"],
        name=given.get("name"),
        description=given.get("description"),
        dhcp=as_bool(given["enable_dhcp"], "enable_dhcp") if "enable_dhcp" in given else None,
        dns=given.get("dns_nameservers"),
        gateway=(given["gateway_ip"] or "") if "gateway_ip" in given else None,
        routes=_routes(given["host_routes"]) if "host_routes" in given else None,
        pools=_pools(given["allocation_pools"]) if "allocation_pools" in given else None,
    )
    return changed_reply(call, "subnet", _row(*changed))


def _delete(call: Call) -> Reply:
    use_cases.delete_subnet(call.control, call.caller, call.path["id"])
    return NO_CONTENT


def _pools(given: list[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((each["start"], each["end"]) for each in given)


_ONE = wrap("subnet", SUBNET)

OPERATIONS = (
    Operation("GET", ROOT, _list, rule="get_subnet", answer=listed("subnets", SUBNET)),
    Operation("GET", f"{ROOT}/{{id}}", _show, rule="get_subnet", answer=shown("subnet", SUBNET)),
    Operation("POST", ROOT, _create, body=_CREATE, rule="create_subnet", answer=answers.made("subnet", SUBNET)),
    Operation("PUT", f"{ROOT}/{{id}}", _update, body=_UPDATE, rule="update_subnet", answer=_ONE),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="delete_subnet"),
)
