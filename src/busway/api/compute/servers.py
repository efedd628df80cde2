"""Servers: create, list, show, rename, delete."""

from __future__ import annotations

from busway.api.answer import choice, shape, wrap, wrap_list
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.compute import server_create
from busway.api.compute.answers import BRIEF_SERVER, NEW_SERVER, NEXT
from busway.api.compute.links import STRICT, next_link, self_links
from busway.api.compute.server_create import FQDN, HOSTNAME, access_address
from busway.api.compute.server_fields import LISTED_SERVER, SERVER, UPDATED_SERVER, brief, listed, shown, updated, views
from busway.api.compute.server_query import QUERY, QUERY_SINCE, list_chosen
from busway.api.operation import Operation
from busway.api.schema import NAME, TEXT, as_bool, closed, wrapped
from busway.control.servers.change import ServerChange, update_server
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.control.servers.read import get_server
from busway.domain.errors import BadInput, NotFound
from busway.domain.server import Server

ROOT = "/compute/v2.1/servers"

_UPDATE = {
    "name": NAME,
    "OS-DCF:diskConfig": {"enum": ["AUTO", "MANUAL"]},
    "accessIPv4": {"type": "string", "maxLength": 15},
    "accessIPv6": {"type": "string", "maxLength": 45},
}
_PIN = {"type": ["string", "null"], "minLength": 1, "maxLength": 255}
UPDATE = {
    1: wrapped("server", closed(_UPDATE)),
    19: wrapped("server", closed({**_UPDATE, "description": TEXT})),
    90: wrapped("server", closed({**_UPDATE, "description": TEXT, "hostname": HOSTNAME})),
    94: wrapped("server", closed({**_UPDATE, "description": TEXT, "hostname": FQDN})),
    104: wrapped(
        "server", closed({**_UPDATE, "description": TEXT, "hostname": FQDN, "pinned_availability_zone": _PIN})
    ),
}


def _links(call: Call, path: str, found: list[Server], limit: int | None) -> dict[str, object]:
    return {"servers_links": next_link(call, path, found[-1].id)} if found and len(found) == limit else {}


def _list(call: Call) -> Reply:
    found, limit = list_chosen(call)
    return Reply({"servers": [brief(server, call) for server in found], **_links(call, ROOT, found, limit)})


def _list_detail(call: Call) -> Reply:
    found, limit = list_chosen(call)
    rows = [listed(view, call) for view in views(call, found)]
    return Reply({"servers": rows, **_links(call, f"{ROOT}/detail", found, limit)})


def _show(call: Call) -> Reply:
    server = get_server(call.control, call.caller, call.path["id"])
    return Reply({"server": shown(views(call, [server])[0], call)})


def _create(call: Call) -> Reply:
    request = server_create.parse(call)
    given = call.body["server"]
    try:
        made = create_servers(call.control, call.caller, request, call.request_id)
    except NotFound as error:
        # What a request names and is not there is the request's fault: Nova answers 400.
        raise BadInput(error.brief, detail=error.detail, remedy=error.remedy, code=error.code) from error
    if as_bool(given.get("return_reservation_id", False), "return_reservation_id"):
        return Reply({"reservation_id": made[0].reservation_id}, 202)
    first = made[0]
    body = {
        "id": first.id,
        "links": self_links(call, f"servers/{first.id}"),
        "OS-DCF:diskConfig": given.get("OS-DCF:diskConfig", "MANUAL"),
        "security_groups": [{"name": name} for name in request.security_groups or ("default",)],
        "adminPass": request.admin_pass,
    }
    return Reply({"server": body}, 202, {"Location": call.url(f"{ROOT}/{first.id}")})


def _update(call: Call) -> Reply:
    given = call.body["server"]
    wanted = ServerChange(
        name=given.get("name"),
        description=given.get("description") if given.get("description", "") is not None else "",
        hostname=given.get("hostname"),
        access_ipv4=access_address(given, "accessIPv4", 4),
        access_ipv6=access_address(given, "accessIPv6", 6),
        disk_config=given.get("OS-DCF:diskConfig"),
        availability_zone=(given["pinned_availability_zone"] or "") if "pinned_availability_zone" in given else None,
    )
    server = update_server(call.control, call.caller, call.path["id"], wanted)
    return Reply({"server": updated(views(call, [server])[0], call)})


def _delete(call: Call) -> Reply:
    delete_server(call.control, call.caller, call.path["id"], call.request_id)
    return NO_CONTENT


OPERATIONS = (
    Operation(
        "GET",
        ROOT,
        _list,
        query=QUERY,
        query_since=QUERY_SINCE,
        strict=STRICT,
        rule="os_compute_api:servers:index",
        answer=wrap_list("servers", BRIEF_SERVER, servers_links=NEXT),
    ),
    Operation(
        "POST",
        ROOT,
        _create,
        server_create.CREATE,
        rule="os_compute_api:servers:create",
        answer=choice(wrap("server", NEW_SERVER), wrap("reservation_id", TEXT)),
    ),
    Operation(
        "GET",
        f"{ROOT}/detail",
        _list_detail,
        query=QUERY,
        query_since=QUERY_SINCE,
        strict=STRICT,
        rule="os_compute_api:servers:detail",
        answer=wrap_list("servers", LISTED_SERVER, servers_links=NEXT),
    ),
    Operation("GET", f"{ROOT}/{{id}}", _show, rule="os_compute_api:servers:show", answer=wrap("server", SERVER)),
    Operation(
        "PUT",
        f"{ROOT}/{{id}}",
        _update,
        UPDATE,
        rule="os_compute_api:servers:update",
        answer=shape({"server": UPDATED_SERVER}),
    ),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="os_compute_api:servers:delete"),
)
