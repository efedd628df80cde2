"""Trunks and their sub-ports, as Neutron's extensions trunk and trunk-details have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from busway.api.answer import array, shape, wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import nova_time
from busway.api.network.absent import has_trunks, with_trunks
from busway.api.network.answers import SUBPORT, TRUNK, listed, shown
from busway.api.network.network_query import network_filter
from busway.api.network.networks import NAME, PROJECT
from busway.api.network.rows import Row, changed_reply, one, page_reply, with_tags
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, UUID, Schema, as_bool, as_int, closed
from busway.control.networks import trunk as use_cases
from busway.domain.errors import BadInput
from busway.domain.ids import PortId, ProjectId
from busway.domain.network import Port
from busway.domain.trunk import MAX_SUBPORTS, VLANS, SubPort, Trunk
from busway.store.trunk_list import TRUNK_COLUMNS

ROOT = "/network/v2.0/trunks"
_VLAN = "vlan"  # the only segmentation type
_SEGMENT = {
    "segmentation_type": {"type": "string", "maxLength": 36},
    "segmentation_id": {"type": ["integer", "string"], "maxLength": 10},
}


def _several(*needed: str) -> dict[str, object]:
    return {
        "type": "array",
        "maxItems": MAX_SUBPORTS,
        "items": closed({"port_id": UUID, **_SEGMENT}, "port_id", *needed),
    }


_COMMON = {"name": NAME, "description": NAME, "admin_state_up": BOOLEAN}
_OWNER = {"tenant_id": PROJECT, "project_id": PROJECT}
_NEW = closed({**_COMMON, **_OWNER, "port_id": UUID, "sub_ports": _several(*_SEGMENT)}, "port_id")
_CREATE = Schema(closed({"trunk": _NEW}, "trunk"))
_UPDATE = Schema(closed({"trunk": closed(_COMMON)}, "trunk"))
_ADD = Schema(closed({"sub_ports": _several(*_SEGMENT)}, "sub_ports"))
_REMOVE = Schema(closed({"sub_ports": _several()}, "sub_ports"))


def _row(trunk: Trunk) -> Row:
    return {
        "id": trunk.id,
        "name": trunk.name,
        "description": trunk.description,
        "status": "ACTIVE" if trunk.is_active else "DOWN",
        "admin_state_up": trunk.up,
        "port_id": trunk.port_id,
        "sub_ports": [_subport(sub) for sub in trunk.sub_ports],
        "tenant_id": trunk.project_id,
        "project_id": trunk.project_id,
        "tags": [],
        "revision_number": trunk.revision,
        "created_at": nova_time(trunk.created),
        "updated_at": nova_time(trunk.created),
    }


def _subport(sub: SubPort) -> Row:
    return {"port_id": sub.port_id, "segmentation_type": _VLAN, "segmentation_id": sub.vlan}


def trunk_details(call: Call, ports: Sequence[Port]) -> Mapping[PortId, Row]:
    """What each of these ports that is a parent says about its trunk."""
    if not has_trunks(call.control):
        return {}
    found = use_cases.trunks_of_ports(call.control, ports)
    return {
        port_id: {
            "trunk_details": {
                "trunk_id": trunk.id,
                "sub_ports": [_subport(sub) | {"mac_address": sub.mac} for sub in trunk.sub_ports],
            }
        }
        for port_id, trunk in found.items()
    }


@with_trunks
def _list(call: Call) -> Reply:
    found = use_cases.list_trunks(call.control, call.caller, network_filter(call, TRUNK_COLUMNS))
    return page_reply(call, "trunks", [_row(each) for each in found])


@with_trunks
def _show(call: Call) -> Reply:
    return one(call, "trunk", [_row(use_cases.get_trunk(call.control, call.caller, call.path["id"]))])


@with_trunks
def _create(call: Call) -> Reply:
    given = call.body["trunk"]
    project = given.get("project_id") or given.get("tenant_id")
    wanted = use_cases.NewTrunk(
        given["port_id"],
        given.get("name", ""),
        given.get("description", ""),
        as_bool(given.get("admin_state_up", True), "admin_state_up"),
        tuple(_wanted(given.get("sub_ports", ()))),
        ProjectId(project) if project else None,
    )
    return Reply({"trunk": _row(use_cases.create_trunk(call.control, call.caller, wanted))}, 201)


@with_trunks
def _update(call: Call) -> Reply:
    given = call.body["trunk"]
    changed = use_cases.update_trunk(
        call.control,
        call.caller,
        call.path["id"],
        name=given.get("name"),
        description=given.get("description"),
        up=as_bool(given["admin_state_up"], "admin_state_up") if "admin_state_up" in given else None,
    )
    return changed_reply(call, "trunk", _row(changed))


@with_trunks
def _delete(call: Call) -> Reply:
    use_cases.delete_trunk(call.control, call.caller, call.path["id"])
    return NO_CONTENT


@with_trunks
def _subports(call: Call) -> Reply:
    trunk = use_cases.get_trunk(call.control, call.caller, call.path["id"])
    return Reply({"sub_ports": [_subport(sub) for sub in trunk.sub_ports]})


@with_trunks
def _add(call: Call) -> Reply:
    wanted = tuple(_wanted(call.body["sub_ports"]))
    trunk = use_cases.add_subports(call.control, call.caller, call.path["id"], wanted)
    return Reply(with_tags(call, [_row(trunk)])[0])


@with_trunks
def _remove(call: Call) -> Reply:
    gone: dict[str, int | None] = {}
    for given in call.body["sub_ports"]:
        _require_vlan(given.get("segmentation_type", _VLAN))
        gone[given["port_id"]] = _vlan(given["segmentation_id"]) if "segmentation_id" in given else None
    trunk = use_cases.remove_subports(call.control, call.caller, call.path["id"], gone)
    return Reply(with_tags(call, [_row(trunk)])[0])


def _wanted(several: Iterable[dict[str, Any]]) -> Iterable[SubPort]:
    for given in several:
        _require_vlan(given["segmentation_type"])
        yield SubPort(PortId(given["port_id"]), _vlan(given["segmentation_id"]))


def _vlan(given: object) -> int:
    return as_int(given, "segmentation_id", least=VLANS[0], most=VLANS[-1])


def _require_vlan(kind: str) -> None:
    if kind != _VLAN:
        raise BadInput(f"Unknown segmentation_type '{kind}'", remedy=f"Use {_VLAN}.", code="trunk-subports")


_ONE = wrap("trunk", TRUNK)

OPERATIONS = (
    Operation("GET", ROOT, _list, rule="get_trunk", answer=listed("trunks", TRUNK)),
    Operation("GET", f"{ROOT}/{{id}}", _show, rule="get_trunk", answer=shown("trunk", TRUNK)),
    Operation("POST", ROOT, _create, body=_CREATE, rule="create_trunk", answer=_ONE),
    Operation("PUT", f"{ROOT}/{{id}}", _update, body=_UPDATE, rule="update_trunk", answer=_ONE),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="delete_trunk"),
    Operation(
        "GET", f"{ROOT}/{{id}}/get_subports", _subports, rule="get_subports",
        answer=shape({"sub_ports": array(SUBPORT)}, "subports"),
    ),
    Operation("PUT", f"{ROOT}/{{id}}/add_subports", _add, body=_ADD, rule="add_subports", answer=TRUNK),
    Operation("PUT", f"{ROOT}/{{id}}/remove_subports", _remove, body=_REMOVE, rule="remove_subports", answer=TRUNK),
)  # fmt: skip
