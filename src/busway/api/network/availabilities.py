"""How many addresses networks and subnets have and how many are used, as Neutron's extension network-ip-availability tells it."""

from __future__ import annotations

from dataclasses import replace

from busway.api.answer import NUMBER, TEXT, array, shape
from busway.api.call import Call, Reply
from busway.api.network.answers import listed, shown
from busway.api.network.network_query import network_filter, sort_of
from busway.api.network.rows import TAG_FILTERS, Row, one, page_reply, refuse_unknown
from busway.api.operation import Operation
from busway.control.networks import availability as use_cases
from busway.control.networks.availability import Availability

ROOT = "/network/v2.0/network-ip-availabilities"
_NAMES = {"network_id": "id", "network_name": "name"}  # what these attributes are of a network
_SORTED = frozenset({*_NAMES, "tenant_id", "project_id"})
_COLUMNS = _SORTED | {"ip_version"}


def _row(found: Availability) -> Row:
    network = found.network
    return {
        "network_id": network.id,
        "network_name": network.name,
        "tenant_id": network.owner,
        "project_id": network.owner,
        "subnet_ip_availability": [
            {
                "subnet_id": subnet.id,
                "subnet_name": subnet.name,
                "cidr": subnet.cidr,
                "ip_version": subnet.version,
                "total_ips": subnet.room,
                "used_ips": used,
            }
            for subnet, used in found.subnets
        ],
        "total_ips": sum(subnet.room for subnet, _used in found.subnets),
        "used_ips": sum(used for _subnet, used in found.subnets),
    }


def _list(call: Call) -> Reply:
    refuse_unknown(TAG_FILTERS & call.query.keys(), _COLUMNS)
    sort = sort_of(call, _SORTED)
    asked = network_filter(call, _COLUMNS)
    wanted = replace(
        asked,
        equal={_NAMES.get(name, name): values for name, values in asked.equal.items()},
        sort=tuple((_NAMES.get(name, name), down) for name, down in sort),
    )
    found = use_cases.list_availabilities(call.control, call.caller, wanted)
    return page_reply(call, "network_ip_availabilities", [_row(each) for each in found], identity="network_id")


def _show(call: Call) -> Reply:
    found = use_cases.get_availability(call.control, call.caller, call.path["id"])
    return one(call, "network_ip_availability", [_row(found)], identity="network_id")


_USED = {"total_ips": NUMBER, "used_ips": NUMBER}
_SUBNET = shape(
    {"subnet_id": TEXT, "subnet_name": TEXT, "cidr": TEXT, "ip_version": NUMBER, **_USED}, "subnet-ip-availability"
)
_NETWORK = shape(
    {
        "network_id": TEXT,
        "network_name": TEXT,
        "tenant_id": TEXT,
        "project_id": TEXT,
        "subnet_ip_availability": array(_SUBNET),
        **_USED,
    },
    "network-ip-availability",
)

OPERATIONS = (
    Operation(
        "GET",
        ROOT,
        _list,
        rule="get_network_ip_availability",
        answer=listed("network_ip_availabilities", _NETWORK),
    ),
    Operation(
        "GET",
        f"{ROOT}/{{id}}",
        _show,
        rule="get_network_ip_availability",
        answer=shown("network_ip_availability", _NETWORK),
    ),
)
