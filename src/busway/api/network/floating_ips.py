"""Floating IP addresses, as Neutron's extension router has them."""

from __future__ import annotations

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import nova_time
from busway.api.network.absent import with_routers
from busway.api.network.answers import FLOATING_IP, listed, shown
from busway.api.network.network_query import network_filter
from busway.api.network.networks import NAME, PROJECT
from busway.api.network.rows import Row, changed_reply, one, page_reply
from busway.api.operation import Operation
from busway.api.schema import UUID, Schema, closed
from busway.control.networks import floating_ip as use_cases
from busway.domain.ids import ProjectId
from busway.domain.router import FloatingIp
from busway.store.router_list import FLOATING_COLUMNS

ROOT = "/network/v2.0/floatingips"
_ADDRESS = {"type": ["string", "null"], "maxLength": 43}
_PORT = {"type": ["string", "null"], "maxLength": 36}
_COMMON = {"description": NAME, "port_id": _PORT, "fixed_ip_address": _ADDRESS}
_NEW = closed(
    {
        **_COMMON,
        "floating_network_id": UUID,
        "subnet_id": _PORT,
        "floating_ip_address": _ADDRESS,
        "tenant_id": PROJECT,
        "project_id": PROJECT,
    },
    "floating_network_id",
)
_CREATE = Schema(closed({"floatingip": _NEW}, "floatingip"))
_UPDATE = Schema(closed({"floatingip": closed(_COMMON)}, "floatingip"))


def _row(floating: FloatingIp) -> Row:
    return {
        "id": floating.id,
        "description": floating.description,
        "floating_network_id": floating.network_id,
        "floating_ip_address": floating.address,
        "port_id": floating.port_id,
        "fixed_ip_address": floating.fixed_address or None,
        "router_id": floating.router_id,
        "status": "ACTIVE" if floating.port_id else "DOWN",
        "tenant_id": floating.project_id,
        "project_id": floating.project_id,
        "tags": [],
        "revision_number": floating.revision,
        "created_at": nova_time(floating.created),
        "updated_at": nova_time(floating.created),
    }


@with_routers
def _list(call: Call) -> Reply:
    found = use_cases.list_floating_ips(call.control, call.caller, network_filter(call, FLOATING_COLUMNS))
    return page_reply(call, "floatingips", [_row(each) for each in found])


@with_routers
def _show(call: Call) -> Reply:
    return one(call, "floatingip", [_row(use_cases.get_floating_ip(call.control, call.caller, call.path["id"]))])


@with_routers
def _create(call: Call) -> Reply:
    given = call.body["floatingip"]
    project = given.get("project_id") or given.get("tenant_id")
    wanted = use_cases.NewFloatingIp(
        given["floating_network_id"],
        given.get("subnet_id") or None,
        given.get("floating_ip_address") or None,
        given.get("port_id") or None,
        given.get("fixed_ip_address") or None,
        given.get("description", ""),
        ProjectId(project) if project else None,
    )
    return Reply({"floatingip": _row(use_cases.create_floating_ip(call.control, call.caller, wanted))}, 201)


@with_routers
def _update(call: Call) -> Reply:
    given = call.body["floatingip"]
    changed = use_cases.update_floating_ip(
        call.control,
        call.caller,
        call.path["id"],
        description=given.get("description"),
        port_id=(given["port_id"] or None) if "port_id" in given else True,
        fixed_address=given.get("fixed_ip_address") or None,
    )
    return changed_reply(call, "floatingip", _row(changed))


@with_routers
def _delete(call: Call) -> Reply:
    use_cases.delete_floating_ip(call.control, call.caller, call.path["id"])
    return NO_CONTENT


_ONE = wrap("floatingip", FLOATING_IP)

OPERATIONS = (
    Operation("GET", ROOT, _list, rule="get_floatingip", answer=listed("floatingips", FLOATING_IP)),
    Operation("GET", f"{ROOT}/{{id}}", _show, rule="get_floatingip", answer=shown("floatingip", FLOATING_IP)),
    Operation("POST", ROOT, _create, body=_CREATE, rule="create_floatingip", answer=_ONE),
    Operation("PUT", f"{ROOT}/{{id}}", _update, body=_UPDATE, rule="update_floatingip", answer=_ONE),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="delete_floatingip"),
)
