"""Aggregates of hosts: create, change, delete, put hosts in and take them out."""

from __future__ import annotations

from typing import Any

from busway.api.answer import FALSE, NOTHING, NUMBER, TEXT, array, wrap, wrap_list
from busway.api.call import Call, Reply
from busway.api.compute.answers import METADATA, TEXT_OR_NULL
from busway.api.encoding import micro_time
from busway.api.fields import Field, fixed, render, shape_of
from busway.api.operation import Operation
from busway.api.schema import NAME, Schema, closed, wrapped
from busway.control import aggregates
from busway.domain.aggregate import Aggregate
from busway.domain.errors import BadInput, NotSupported

ROOT = "/compute/v2.1/os-aggregates"

_ZONE = {"type": ["string", "null"], "maxLength": 255}
_BODY = {"name": NAME, "availability_zone": _ZONE}
_CREATE = wrapped("aggregate", closed(_BODY, "name"))
_UPDATE = wrapped("aggregate", {**closed(_BODY), "minProperties": 1})
_KEY = r"^[a-zA-Z0-9-_:. ]{1,255}$"
_METADATA = {
    "type": "object",
    "patternProperties": {_KEY: {"type": ["string", "null"], "maxLength": 255}},
    "additionalProperties": False,
}
_HOST = closed({"host": {"type": "string", "minLength": 1, "maxLength": 255}}, "host")
_ACTION = Schema(
    {
        **closed(
            {"add_host": _HOST, "remove_host": _HOST, "set_metadata": closed({"metadata": _METADATA}, "metadata")}
        ),
        "minProperties": 1,
        "maxProperties": 1,
    }
)
_RULES = {name: f"os_compute_api:os-aggregates:{name}" for name in ("add_host", "remove_host", "set_metadata")}


def _moment(aggregate: Aggregate, _call: Call) -> str | None:
    return micro_time(aggregate.updated) if aggregate.updated else None


_CREATED: tuple[Field[Aggregate], ...] = (
    Field("id", lambda aggregate, _: aggregate.id, NUMBER),
    Field("uuid", lambda aggregate, _: aggregate.uuid, TEXT, since=41),
    Field("name", lambda aggregate, _: aggregate.name, TEXT),
    Field("availability_zone", lambda aggregate, _: aggregate.zone, TEXT_OR_NULL),
    Field("created_at", lambda aggregate, _: micro_time(aggregate.created), TEXT),
    Field("updated_at", _moment, TEXT_OR_NULL),
    Field("deleted", fixed(False), FALSE),
    Field("deleted_at", fixed(None), NOTHING),
)
_FIELDS: tuple[Field[Aggregate], ...] = (
    *_CREATED,
    Field("hosts", lambda aggregate, _: [name for _, name in aggregate.hosts], array(TEXT)),
    Field("metadata", lambda aggregate, _: dict(aggregate.metadata), METADATA),
)


def _reply(aggregate: Aggregate, call: Call) -> Reply:
    return Reply({"aggregate": render(_FIELDS, aggregate, call)})


def _list(call: Call) -> Reply:
    found = aggregates.list_aggregates(call.control, call.caller)
    return Reply({"aggregates": [render(_FIELDS, each, call) for each in found]})


def _show(call: Call) -> Reply:
    return _reply(aggregates.get_aggregate(call.control, call.caller, call.path["id"]), call)


def _create(call: Call) -> Reply:
    """Nova answers without hosts and metadata here."""
    given = call.body["aggregate"]
    made = aggregates.create_aggregate(call.control, call.caller, given["name"], given.get("availability_zone"))
    return Reply({"aggregate": render(_CREATED, made, call)})


def _update(call: Call) -> Reply:
    given = call.body["aggregate"]
    zone = given.get("availability_zone")
    return _reply(
        aggregates.update_aggregate(call.control, call.caller, call.path["id"], given.get("name"), zone), call
    )


def _delete(call: Call) -> Reply:
    aggregates.delete_aggregate(call.control, call.caller, call.path["id"])
    return Reply()


def _act(call: Call) -> Reply:
    [(action, given)] = call.body.items()
    number: Any = call.path["id"]
    match action:
        case "add_host":
            changed = aggregates.add_host(call.control, call.caller, number, given["host"])
        case "remove_host":
            changed = aggregates.remove_host(call.control, call.caller, number, given["host"])
        case "set_metadata":
            changed = aggregates.set_metadata(call.control, call.caller, number, given["metadata"])
        case _:
            raise BadInput(f"An aggregate has no action {action}", code="aggregate-action")
    return _reply(changed, call)


def _cache_images(_call: Call) -> Reply:
    raise NotSupported(
        "Busway does not cache images on the hosts of an aggregate in advance",
        remedy="A host fetches an image once, for its first server with that image.",
        code="aggregate-images",
    )


_AGGREGATE = shape_of(_FIELDS, "aggregate")

OPERATIONS = (
    Operation(
        "GET", ROOT, _list, rule="os_compute_api:os-aggregates:index", answer=wrap_list("aggregates", _AGGREGATE)
    ),
    Operation(
        "POST",
        ROOT,
        _create,
        _CREATE,
        rule="os_compute_api:os-aggregates:create",
        answer=wrap("aggregate", shape_of(_CREATED, "new-aggregate")),
    ),
    Operation(
        "GET", f"{ROOT}/{{id}}", _show, rule="os_compute_api:os-aggregates:show", answer=wrap("aggregate", _AGGREGATE)
    ),
    Operation(
        "PUT",
        f"{ROOT}/{{id}}",
        _update,
        _UPDATE,
        rule="os_compute_api:os-aggregates:update",
        answer=wrap("aggregate", _AGGREGATE),
    ),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="os_compute_api:os-aggregates:delete"),
    Operation("POST", f"{ROOT}/{{id}}/action", _act, _ACTION, rule=_RULES, answer=wrap("aggregate", _AGGREGATE)),
    Operation(
        "POST", f"{ROOT}/{{id}}/images", _cache_images, since=81, rule="compute:aggregates:images", reads_body=True
    ),
)
