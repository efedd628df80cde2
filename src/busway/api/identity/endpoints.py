"""Endpoints of the catalog's services."""

from __future__ import annotations

from typing import Any

from busway.api.call import Call
from busway.api.identity import answers
from busway.api.identity.attributes import ID, changes_of, extra_of
from busway.api.identity.listing import page
from busway.api.identity.resource import Resource
from busway.api.schema import PAGE, WORD, Definition, open_object, wrapped
from busway.control.identity import service_catalog as catalog
from busway.domain.errors import BadInput
from busway.domain.service_catalog import INTERFACES, Endpoint
from busway.store.service_catalog import EndpointFilter

ROOT = "/identity/v3/endpoints"
_REGION = {"type": ["string", "null"], "minLength": 1, "maxLength": 255}
_FIELDS = {
    "service_id": ID,
    "interface": {"enum": list(INTERFACES)},
    "url": {"type": "string", "minLength": 1, "maxLength": 2048, "pattern": r"^(https?://|[^A-Za-z0-9]\()[^\s]+$"},
    "region_id": _REGION,
    "enabled": {"type": "boolean"},
}
_KNOWN = {**_FIELDS, "region": _REGION}
_CREATE = wrapped("endpoint", open_object(_KNOWN, "service_id", "interface", "url"))
_UPDATE = wrapped("endpoint", open_object(_KNOWN))
_QUERY: Definition = {**PAGE, "service_id": WORD, "interface": WORD, "region_id": WORD}


def _body(call: Call, endpoint: Endpoint) -> dict[str, object]:
    return {
        **endpoint.extra,
        "id": endpoint.id,
        "service_id": endpoint.service_id,
        "interface": endpoint.interface,
        "region": endpoint.region_id,
        "region_id": endpoint.region_id,
        "url": endpoint.url,
        "enabled": endpoint.enabled,
        "links": {"self": call.url(f"{ROOT}/{endpoint.id}")},
    }


def _find(call: Call) -> list[Endpoint]:
    wanted = EndpointFilter(call.text("service_id"), call.text("interface"), call.text("region_id"), page(call))
    return catalog.list_endpoints(call.control, call.caller, wanted)


def _changes(given: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The attributes as they are stored, and whether the region is made: that is so under its old name `region`, as in Keystone."""
    changes = changes_of(given, *_FIELDS)
    is_old = "region" in given and "region_id" not in given
    if is_old:
        changes["region_id"] = given["region"]
    elif "region" in given and given["region"] != given["region_id"]:
        raise BadInput(
            "The endpoint would be in two regions",
            detail=f"region is {given['region']}, and region_id {given['region_id']}.",
            remedy="Name it once, as region_id.",
            code="endpoint-region",
        )
    if extra := extra_of(given, _KNOWN, "id"):
        changes["extra"] = extra
    return changes, is_old


def _create(call: Call, given: dict[str, Any]) -> Endpoint:
    changes, make_region = _changes(given)
    return catalog.create_endpoint(call.control, call.caller, Endpoint("", **changes), make_region=make_region)


def _update(call: Call, given: dict[str, Any]) -> Endpoint:
    changes, make_region = _changes(given)
    return catalog.update_endpoint(call.control, call.caller, call.path["id"], changes, make_region=make_region)


_ENDPOINTS = Resource("endpoint", ROOT, answers.ENDPOINT, _body, catalog.get_endpoint, catalog.delete_endpoint)
OPERATIONS = _ENDPOINTS.operations(_find, _create, _update, query=_QUERY, bodies=(_CREATE, _UPDATE))
