"""Regions of the service catalog."""

from __future__ import annotations

from typing import Any

from busway.api.answer import wrap
from busway.api.call import Call
from busway.api.identity import answers
from busway.api.identity.attributes import TEXT, changes_of, check_id, extra_of
from busway.api.identity.listing import page
from busway.api.identity.resource import Resource
from busway.api.operation import Operation
from busway.api.schema import PAGE, WORD, Definition, open_object, wrapped
from busway.control.identity import service_catalog as catalog
from busway.domain.service_catalog import Region

ROOT = "/identity/v3/regions"
_ID = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^/]+$"}
_FIELDS = {"description": TEXT, "parent_region_id": {"type": ["string", "null"], "minLength": 1, "maxLength": 255}}
_CREATE = wrapped("region", open_object({"id": _ID, **_FIELDS}))
_UPDATE = wrapped("region", open_object(_FIELDS))
_QUERY: Definition = {**PAGE, "parent_region_id": WORD}


def _body(call: Call, region: Region) -> dict[str, object]:
    return {
        **region.extra,
        "id": region.id,
        "description": region.description,
        "parent_region_id": region.parent_region_id,
        "links": {"self": call.url(f"{ROOT}/{region.id}")},
    }


def _find(call: Call) -> list[Region]:
    return catalog.list_regions(call.control, call.caller, call.text("parent_region_id"), page(call))


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    changes = changes_of(given, *_FIELDS)
    if extra := extra_of(given, _FIELDS, "id"):
        changes["extra"] = extra
    return changes


def _create(call: Call, given: dict[str, Any]) -> Region:
    known = given.pop("id", "")
    return catalog.create_region(call.control, call.caller, Region(known, **_changes(given)))


def _create_named(call: Call, given: dict[str, Any]) -> Region:
    check_id(given, call.path["id"])
    return catalog.create_region(call.control, call.caller, Region(call.path["id"], **_changes(given)))


def _update(call: Call, given: dict[str, Any]) -> Region:
    return catalog.update_region(call.control, call.caller, call.path["id"], _changes(given))


_REGIONS = Resource("region", ROOT, answers.REGION, _body, catalog.get_region, catalog.delete_region)
OPERATIONS = (
    *_REGIONS.operations(_find, _create, _update, query=_QUERY, bodies=(_CREATE, _UPDATE)),
    Operation(
        "PUT",
        f"{ROOT}/{{id}}",
        _REGIONS.created(_create_named),
        _CREATE,
        rule="identity:create_region",
        answer=wrap("region", answers.REGION),
    ),
)
