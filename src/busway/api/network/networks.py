"""Networks of projects and, with Neutron's provider attributes, of the operator."""

from __future__ import annotations

from typing import Any

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import nova_time
from busway.api.network import answers
from busway.api.network.answers import NETWORK, listed, shown
from busway.api.network.network_query import network_filter
from busway.api.network.rows import Row, changed_reply, made, one, one_or_many, page_reply, wanted
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, Schema, as_bool, as_int, closed
from busway.control.networks import network as use_cases
from busway.domain.errors import BadInput, NotSupported
from busway.domain.guest_network import BRIDGE, LOCAL, OVERLAY
from busway.domain.ids import ProjectId
from busway.domain.network import Network
from busway.store.network_list import NETWORK_COLUMNS

ROOT = "/network/v2.0"
NAME: dict[str, Any] = {"type": "string", "maxLength": 255, "pattern": r"^[^\x00-\x1f\x7f]*$"}
PROJECT = {"type": ["string", "null"], "maxLength": 64}
_MTU = {"type": ["integer", "string"]}
_COMMON = {
    "name": NAME,
    "description": NAME,
    "shared": BOOLEAN,
    "admin_state_up": BOOLEAN,
    "port_security_enabled": BOOLEAN,
    "router:external": BOOLEAN,
    "is_default": BOOLEAN,
}
_CREATE = one_or_many(
    "network",
    closed(
        {
            **_COMMON,
            "tenant_id": PROJECT,
            "project_id": PROJECT,
            "mtu": _MTU,
            "dns_domain": {"type": "string", "maxLength": 255},
            "availability_zone_hints": {"type": "array", "maxItems": 0},
            "provider:network_type": {"enum": ["local", "flat", "vlan", "geneve", None]},
            "provider:physical_network": {"type": ["string", "null"], "pattern": r"^[\w.-]{1,64}$"},
            "provider:segmentation_id": {"type": ["integer", "string", "null"]},
        }
    ),
)
_DRIVERS = {"local": LOCAL, "geneve": OVERLAY}  # flat and vlan are both on the operator's bridge
_KINDS = {driver: kind for kind, driver in _DRIVERS.items()}
_UPDATE = Schema(closed({"network": closed({**_COMMON, "mtu": _MTU})}, "network"))


def _row(call: Call, network: Network) -> Row:
    kind = _KINDS.get(network.driver) or ("vlan" if network.vlan else "flat")
    row: Row = {
        "id": network.id,
        "name": network.name,
        "description": network.description,
        "status": "ACTIVE",
        "admin_state_up": network.up,
        "shared": network.shared,
        "router:external": network.external,
        "is_default": network.is_default,
        "mtu": network.mtu,
        "subnets": [subnet.id for subnet in network.subnets],
        "availability_zones": [],
        "availability_zone_hints": [],
        "port_security_enabled": network.security,
        "tenant_id": network.owner,
        "project_id": network.owner,
        "tags": [],
        "revision_number": network.revision,
        "created_at": nova_time(network.created),
        "updated_at": nova_time(network.created),
    }
    if call.caller.is_admin:
        row["provider:network_type"] = kind
        row["provider:physical_network"] = network.physical or None
        row["provider:segmentation_id"] = network.vlan or None
    return row


def _list(call: Call) -> Reply:
    found = use_cases.list_networks(call.control, call.caller, network_filter(call, NETWORK_COLUMNS))
    return page_reply(call, "networks", [_row(call, each) for each in found])


def _show(call: Call) -> Reply:
    return one(call, "network", [_row(call, use_cases.get_network(call.control, call.caller, call.path["id"]))])


def _create(call: Call) -> Reply:
    networks = use_cases.create_networks(
        call.control, call.caller, [_new(call, each) for each in wanted(call, "network")]
    )
    return made(call, "network", [_row(call, each) for each in networks])


def _new(call: Call, given: dict[str, Any]) -> use_cases.NewNetwork:
    _refuse(given)
    kind = given.get("provider:network_type") or call.control.settings.project_network_type
    vlan = _vlan(kind, given.get("provider:segmentation_id"))
    project = given.get("project_id") or given.get("tenant_id")
    return use_cases.NewNetwork(
        given.get("name", ""),
        given.get("description", ""),
        as_bool(given.get("shared", False), "shared"),
        _DRIVERS.get(kind, BRIDGE),
        given.get("provider:physical_network") or "",
        vlan,
        _mtu(given),
        ProjectId(project) if project else None,
        external=as_bool(given.get("router:external", False), "router:external"),
        is_default=as_bool(given.get("is_default", False), "is_default"),
        up=as_bool(given.get("admin_state_up", True), "admin_state_up"),
        security=as_bool(given.get("port_security_enabled", True), "port_security_enabled"),
    )


def _mtu(given: dict[str, Any]) -> int | None:
    """The MTU of a body, 0 for what the type has room for, None where it has none."""
    if "mtu" not in given:
        return None
    mtu = as_int(given["mtu"], "mtu", least=0)
    if 0 < mtu < 1280:
        raise BadInput(f"An MTU of {mtu} is too small", remedy="Choose 1280 to 9000.", code="network-mtu")
    if mtu > 9000:
        raise BadInput(f"An MTU of {mtu} is too large", remedy="Choose 1280 to 9000.", code="network-mtu")
    return mtu


def _update(call: Call) -> Reply:
    given = call.body["network"]
    _refuse(given)
    changed = use_cases.update_network(
        call.control,
        call.caller,
        call.path["id"],
        name=given.get("name"),
        description=given.get("description"),
        shared=as_bool(given["shared"], "shared") if "shared" in given else None,
        external=as_bool(given["router:external"], "router:external") if "router:external" in given else None,
        is_default=as_bool(given["is_default"], "is_default") if "is_default" in given else None,
        up=as_bool(given["admin_state_up"], "admin_state_up") if "admin_state_up" in given else None,
        security=as_bool(given["port_security_enabled"], "port_security_enabled")
        if "port_security_enabled" in given
        else None,
        mtu=_mtu(given),
    )
    return changed_reply(call, "network", _row(call, changed))


def _delete(call: Call) -> Reply:
    use_cases.delete_network(call.control, call.caller, call.path["id"])
    return NO_CONTENT


def _vlan(kind: str, given: object) -> int:
    if kind != "vlan":
        if given not in (None, ""):
            raise BadInput(f"A network of type {kind} has no segment", code="network-provider")
        return 0
    number = as_int(given if given is not None else "", "provider:segmentation_id", least=1)
    if number > 4094:
        raise BadInput(f"{number} is not a VLAN", remedy="Choose 1 to 4094.", code="network-provider")
    return number


def _refuse(given: dict[str, Any]) -> None:
    """Says no to what would otherwise be taken and not done."""
    if given.get("dns_domain"):
        raise NotSupported("Networks have no DNS domain of their own", remedy="Omit dns_domain.", code="network-field")


_ONE = wrap("network", NETWORK)

OPERATIONS = (
    Operation("GET", f"{ROOT}/networks", _list, rule="get_network", answer=listed("networks", NETWORK)),
    Operation("GET", f"{ROOT}/networks/{{id}}", _show, rule="get_network", answer=shown("network", NETWORK)),
    Operation(
        "POST",
        f"{ROOT}/networks",
        _create,
        body=_CREATE,
        rule="create_network",
        answer=answers.made("network", NETWORK),
    ),
    Operation("PUT", f"{ROOT}/networks/{{id}}", _update, body=_UPDATE, rule="update_network", answer=_ONE),
    Operation("DELETE", f"{ROOT}/networks/{{id}}", _delete, rule="delete_network"),
)
