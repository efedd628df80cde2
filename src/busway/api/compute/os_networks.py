"""The compute API's networks, up to 2.35; the network API has more details."""

from __future__ import annotations

from collections.abc import Callable

from busway.api.answer import NOTHING, TEXT, shape, words, wrap, wrap_list
from busway.api.call import Call, Reply
from busway.api.operation import Operation
from busway.api.schema import Definition
from busway.control import networks
from busway.domain.errors import NotFound
from busway.domain.network import Network

_LAST = 35
# What Nova's own networks had and those of a network service do not have.
_NOTHING = (
    *(
        "bridge",
        "bridge_interface",
        "broadcast",
        "cidr",
        "cidr_v6",
        "created_at",
        "deleted",
        "deleted_at",
        "dhcp_server",
    ),
    *("dhcp_start", "dns1", "dns2", "enable_dhcp", "gateway", "gateway_v6", "host", "injected", "mtu", "multi_host"),
    *("netmask", "netmask_v6", "priority", "project_id", "rxtx_base", "share_address", "updated_at", "vlan"),
    *("vpn_private_address", "vpn_public_address", "vpn_public_port"),
)


def _full(network: Network) -> dict[str, object]:
    return {**dict.fromkeys(_NOTHING), "id": network.id, "label": network.name}


def _brief(network: Network) -> dict[str, object]:
    return {"id": network.id, "label": network.name, "cidr": "None"}


def _operations(
    path: str, rule: str, row: Callable[[Network], dict[str, object]], shown: Definition
) -> tuple[Operation, ...]:
    def list_(call: Call) -> Reply:
        return Reply({"networks": [row(each) for each in networks.list_networks(call.control, call.caller)]})

    def show(call: Call) -> Reply:
        for network in networks.list_networks(call.control, call.caller):
            if network.id == call.path["id"]:
                return Reply({"network": row(network)})
        raise NotFound("Network not found", remedy="List them: openstack network list", code="network-not-found")

    return (
        Operation(
            "GET",
            f"/compute/v2.1/{path}",
            list_,
            until=_LAST,
            rule=f"os_compute_api:{rule}:list",
            answer=wrap_list("networks", shown),
        ),
        Operation(
            "GET",
            f"/compute/v2.1/{path}/{{id}}",
            show,
            until=_LAST,
            rule=f"os_compute_api:{rule}:show",
            answer=wrap("network", shown),
        ),
    )


OPERATIONS = (
    *_operations(
        "os-networks",
        "os-networks",
        _full,
        shape({**dict.fromkeys(_NOTHING, NOTHING), "id": TEXT, "label": TEXT}, "network"),
    ),
    *_operations(
        "os-tenant-networks",
        "os-tenant-networks",
        _brief,
        shape({"id": TEXT, "label": TEXT, "cidr": words("None")}, "tenant-network"),
    ),
)
