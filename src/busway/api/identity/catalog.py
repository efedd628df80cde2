"""The service catalog as a token shows it."""

from __future__ import annotations

from busway.api.answer import wrap
from busway.api.call import Call, Reply
from busway.api.identity import answers
from busway.api.operation import Operation
from busway.control.identity import service_catalog
from busway.domain.service_catalog import Endpoint


def catalog_body(call: Call, project_id: str | None, user_id: str) -> list[dict[str, object]]:
    """The catalog for a project and a user."""
    return [
        {
            "id": service.id,
            "type": service.type,
            "name": service.name,
            "endpoints": [_endpoint(each) for each in endpoints],
        }
        for service, endpoints in service_catalog.catalog(call.control, project_id, user_id)
    ]


def _endpoint(endpoint: Endpoint) -> dict[str, object]:
    return {
        "id": endpoint.id,
        "interface": endpoint.interface,
        "region": endpoint.region_id,
        "region_id": endpoint.region_id,
        "url": endpoint.url,
    }


def _show(call: Call) -> Reply:
    body = catalog_body(call, call.caller.project_id or None, call.caller.user_id)
    return Reply({"catalog": body, "links": {"self": call.url("/identity/v3/auth/catalog")}})


OPERATIONS = (
    Operation(
        "GET",
        "/identity/v3/auth/catalog",
        _show,
        rule="identity:get_auth_catalog",
        answer=wrap("catalog", answers.CATALOG, links=answers.SELF),
    ),
)
