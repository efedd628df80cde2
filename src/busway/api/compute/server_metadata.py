"""A server's metadata and tags: read, written and taken away."""

from __future__ import annotations

from collections.abc import Mapping

from busway.api.answer import TEXT, array, wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.compute.answers import METADATA
from busway.api.compute.server_create import TAG, TAGS
from busway.api.operation import Operation
from busway.api.schema import STRING_MAP, Schema, closed, wrapped
from busway.control.servers import labels
from busway.control.servers.read import get_server
from busway.domain.errors import BadInput, NotFound

ROOT = "/compute/v2.1/servers/{id}"
_METADATA = wrapped("metadata", STRING_MAP)
_ITEM = wrapped("meta", {**STRING_MAP, "minProperties": 1, "maxProperties": 1})
_TAGS = Schema(closed({"tags": TAGS}, "tags"))
_TAG = Schema(TAG)


def _metadata(call: Call) -> Reply:
    return Reply({"metadata": dict(get_server(call.control, call.caller, call.path["id"]).metadata)})


def _item(call: Call) -> Reply:
    found, key = get_server(call.control, call.caller, call.path["id"]).metadata, call.path["key"]
    if key not in found:
        raise NotFound(f"Metadata item '{key}' was not found", code="metadata-not-found")
    return Reply({"meta": {key: found[key]}})


def _merge(call: Call, act: str, added: Mapping[str, str]) -> Mapping[str, str]:
    return labels.change_metadata(call.control, call.caller, call.path["id"], act, lambda held: {**held, **added})


def _add(call: Call) -> Reply:
    return Reply({"metadata": _merge(call, "createMetadata", call.body["metadata"])})


def _replace(call: Call) -> Reply:
    given = call.body["metadata"]
    made = labels.change_metadata(call.control, call.caller, call.path["id"], "setMetadata", lambda _held: given)
    return Reply({"metadata": made})


def _set_item(call: Call) -> Reply:
    given, key = call.body["meta"], call.path["key"]
    if key not in given:
        raise BadInput("Request body and URI mismatch", remedy="Use the same key in both.", code="invalid-body")
    _merge(call, "updateMetadata", given)
    return Reply({"meta": given})


def _delete_item(call: Call) -> Reply:
    labels.delete_metadata_item(call.control, call.caller, call.path["id"], call.path["key"])
    return NO_CONTENT


def _tags(call: Call) -> Reply:
    return Reply({"tags": list(get_server(call.control, call.caller, call.path["id"]).tags)})


def _tag(call: Call) -> Reply:
    server = get_server(call.control, call.caller, call.path["id"])
    if call.path["tag"] not in server.tags:
        raise NotFound(f"Server {server.id} has no tag '{call.path['tag']}'", code="tag-not-found")
    return NO_CONTENT


def _set_tags(call: Call) -> Reply:
    return Reply({"tags": list(labels.set_tags(call.control, call.caller, call.path["id"], call.body["tags"]))})


def _add_tag(call: Call) -> Reply:
    _TAG.check(call.path["tag"])
    if not labels.add_tag(call.control, call.caller, call.path["id"], call.path["tag"]):
        return NO_CONTENT
    return Reply(None, 201, {"Location": call.url(f"/compute/v2.1/servers/{call.path['id']}/tags/{call.path['tag']}")})


def _delete_tag(call: Call) -> Reply:
    labels.delete_tag(call.control, call.caller, call.path["id"], call.path["tag"])
    return NO_CONTENT


def _delete_tags(call: Call) -> Reply:
    labels.delete_tags(call.control, call.caller, call.path["id"])
    return NO_CONTENT


_META = "os_compute_api:server-metadata:"
_TAGGED = "os_compute_api:os-server-tags:"

OPERATIONS = (
    Operation("GET", f"{ROOT}/metadata", _metadata, rule=f"{_META}index", answer=wrap("metadata", METADATA)),
    Operation("POST", f"{ROOT}/metadata", _add, _METADATA, rule=f"{_META}create", answer=wrap("metadata", METADATA)),
    Operation(
        "PUT", f"{ROOT}/metadata", _replace, _METADATA, rule=f"{_META}update_all", answer=wrap("metadata", METADATA)
    ),
    Operation("GET", f"{ROOT}/metadata/{{key}}", _item, rule=f"{_META}show", answer=wrap("meta", METADATA)),
    Operation(
        "PUT", f"{ROOT}/metadata/{{key}}", _set_item, _ITEM, rule=f"{_META}update", answer=wrap("meta", METADATA)
    ),
    Operation("DELETE", f"{ROOT}/metadata/{{key}}", _delete_item, rule=f"{_META}delete"),
    Operation("GET", f"{ROOT}/tags", _tags, since=26, rule=f"{_TAGGED}index", answer=wrap("tags", array(TEXT))),
    Operation(
        "PUT", f"{ROOT}/tags", _set_tags, _TAGS, since=26, rule=f"{_TAGGED}update_all", answer=wrap("tags", array(TEXT))
    ),
    Operation("DELETE", f"{ROOT}/tags", _delete_tags, since=26, rule=f"{_TAGGED}delete_all"),
    Operation("GET", f"{ROOT}/tags/{{tag}}", _tag, since=26, rule=f"{_TAGGED}show"),
    Operation("PUT", f"{ROOT}/tags/{{tag}}", _add_tag, since=26, rule=f"{_TAGGED}update"),
    Operation("DELETE", f"{ROOT}/tags/{{tag}}", _delete_tag, since=26, rule=f"{_TAGGED}delete"),
)
