"""Services of the catalog."""

from __future__ import annotations

from typing import Any

from busway.api.call import Call
from busway.api.identity import answers
from busway.api.identity.attributes import TEXT, changes_of, extra_of
from busway.api.identity.listing import NAME, name_like, page
from busway.api.identity.resource import Resource
from busway.api.schema import PAGE, WORD, Definition, open_object, wrapped
from busway.control.identity import service_catalog as catalog
from busway.domain.service_catalog import Service
from busway.store.service_catalog import ServiceFilter

ROOT = "/identity/v3/services"
_FIELDS = {
    "type": {"type": "string", "minLength": 1, "maxLength": 255},
    "name": {"type": ["string", "null"], "maxLength": 255},
    "description": TEXT,
    "enabled": {"type": "boolean"},
}
_CREATE = wrapped("service", open_object(_FIELDS, "type"))
_UPDATE = wrapped("service", open_object(_FIELDS))
_QUERY: Definition = {**PAGE, **NAME, "type": WORD}


def _body(call: Call, service: Service) -> dict[str, object]:
    return {
        **service.extra,
        "id": service.id,
        "type": service.type,
        "name": service.name,
        "description": service.description,
        "enabled": service.enabled,
        "links": {"self": call.url(f"{ROOT}/{service.id}")},
    }


def _find(call: Call) -> list[Service]:
    wanted = ServiceFilter(call.text("type"), call.text("name"), page(call), name_like(call))
    return catalog.list_services(call.control, call.caller, wanted)


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    changes = changes_of(given, *_FIELDS)
    if "name" in changes:
        changes["name"] = changes["name"] or ""
    if extra := extra_of(given, _FIELDS, "id"):
        changes["extra"] = extra
    return changes


def _create(call: Call, given: dict[str, Any]) -> Service:
    return catalog.create_service(call.control, call.caller, Service("", **_changes(given)))


def _update(call: Call, given: dict[str, Any]) -> Service:
    return catalog.update_service(call.control, call.caller, call.path["id"], _changes(given))


_SERVICES = Resource("service", ROOT, answers.SERVICE, _body, catalog.get_service, catalog.delete_service)
OPERATIONS = _SERVICES.operations(_find, _create, _update, query=_QUERY, bodies=(_CREATE, _UPDATE))
