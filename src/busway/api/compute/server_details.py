"""What hangs on a server: metadata, tags, addresses, its history; and what Busway's servers have none of."""

from __future__ import annotations

from busway.api.answer import EMPTY, TEXT, wrap, wrap_list
from busway.api.call import Call, Reply
from busway.api.compute.answers import ADDRESSES, NEXT, SECURITY_GROUP, TEXT_OR_NULL
from busway.api.compute.links import CHANGES_SINCE, changes_of, limit_of, next_link
from busway.api.compute.server_fields import plain_addresses
from busway.api.encoding import micro_time
from busway.api.fields import Field, fixed, render, shape_of
from busway.api.network.security_groups import nova_group
from busway.api.operation import Operation
from busway.api.schema import PAGE, WORD
from busway.control import networks
from busway.control.networks import security_group
from busway.control.servers.read import get_server, list_actions
from busway.domain.errors import NotFound
from busway.domain.server import Server, ServerAction
from busway.store.actions import EVERY_ACTION, ActionFilter

ROOT = "/compute/v2.1/servers/{id}"

_ACTION: tuple[Field[ServerAction], ...] = (
    Field("action", lambda action, _: action.action, TEXT),
    Field("instance_uuid", lambda action, _: action.server_id, TEXT),
    Field("request_id", lambda action, _: action.request_id, TEXT),
    Field("user_id", lambda action, _: action.user_id, TEXT),
    Field("project_id", lambda action, _: action.project_id, TEXT),
    Field("start_time", lambda action, _: micro_time(action.started), TEXT),
    Field("message", lambda action, _: action.message, TEXT_OR_NULL),
    Field("updated_at", lambda action, _: micro_time(action.updated), TEXT, since=58),
)
_SHOWN_ACTION: tuple[Field[ServerAction], ...] = (*_ACTION, Field("events", fixed([]), EMPTY))


def _server(call: Call) -> Server:
    return get_server(call.control, call.caller, call.path["id"])


def _ips(call: Call) -> Reply:
    return Reply({"addresses": plain_addresses(_server(call))})


def _ips_of_network(call: Call) -> Reply:
    found, name = plain_addresses(_server(call)), call.path["network"]
    if name not in found:
        raise NotFound(f"Network {name} is not associated with the server", code="network-not-found")
    return Reply({name: found[name]})


def _security_groups(call: Call) -> Reply:
    server = _server(call)
    held = networks.ports_of_server(call.control, server.id)
    named = {group for port in held for group in port.groups}
    known = security_group.get_groups(call.control, call.caller, named)
    return Reply({"security_groups": [nova_group(group) for group in known]})


def _list_actions(call: Call) -> Reply:
    wanted, limit = EVERY_ACTION, None
    if call.version >= 58:
        limit = call.number("limit")
        since, before = changes_of(call)
        wanted = ActionFilter(
            changes_since=since,
            changes_before=before,
            limit=limit_of(call),
            marker=call.text("marker"),
        )
    found = _actions(call, wanted)
    body: dict[str, object] = {"instanceActions": [render(_ACTION, action, call) for action in found]}
    if found and len(found) == limit:
        path = f"/compute/v2.1/servers/{call.path['id']}/os-instance-actions"
        body["links"] = next_link(call, path, found[-1].request_id)
    return Reply(body)


def _actions(call: Call, wanted: ActionFilter) -> list[ServerAction]:
    """From 2.21 on those of a deleted server too."""
    return list_actions(call.control, call.caller, call.path["id"], wanted, deleted=call.version >= 21)


def _show_action(call: Call) -> Reply:
    for action in _actions(call, ActionFilter(request_id=call.path["request"], limit=1)):
        return Reply({"instanceAction": render(_SHOWN_ACTION, action, call)})
    raise NotFound(f"Action for request_id {call.path['request']} not found", code="action-not-found")


def _none(key: str, path: str, rule: str) -> Operation:
    def handler(call: Call) -> Reply:
        _server(call)
        return Reply({key: []})

    return Operation("GET", f"{ROOT}/{path}", handler, rule=rule, answer=wrap(key, EMPTY))


OPERATIONS = (
    Operation("GET", f"{ROOT}/ips", _ips, rule="os_compute_api:ips:index", answer=wrap("addresses", ADDRESSES)),
    Operation("GET", f"{ROOT}/ips/{{network}}", _ips_of_network, rule="os_compute_api:ips:show", answer=ADDRESSES),
    Operation(
        "GET",
        f"{ROOT}/os-security-groups",
        _security_groups,
        rule="os_compute_api:os-security-groups:list",
        answer=wrap_list("security_groups", SECURITY_GROUP),
    ),
    Operation(
        "GET",
        f"{ROOT}/os-instance-actions",
        _list_actions,
        query={**PAGE, "changes-since": WORD, "changes-before": WORD},
        query_since=CHANGES_SINCE,
        strict=58,
        rule="os_compute_api:os-instance-actions:list",
        answer=wrap_list("instanceActions", shape_of(_ACTION, "listed-action"), links=NEXT),
    ),
    Operation(
        "GET",
        f"{ROOT}/os-instance-actions/{{request}}",
        _show_action,
        rule="os_compute_api:os-instance-actions:show",
        answer=wrap("instanceAction", shape_of(_SHOWN_ACTION, "action")),
    ),
    _none("volumeAttachments", "os-volume_attachments", "os_compute_api:os-volumes-attachments:index"),
)
