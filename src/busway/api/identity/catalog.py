"""The service catalog: five services under one public URL."""

from __future__ import annotations

import hashlib

from busway.api.answer import wrap
from busway.api.call import Call, Reply
from busway.api.identity import answers
from busway.api.operation import Operation

SERVICES = (
    ("identity", "keystone", "/identity"),
    ("compute", "nova", "/compute/v2.1"),
    ("image", "glance", "/image"),
    ("network", "neutron", "/network"),
    ("placement", "placement", "/placement"),
)


def catalog(call: Call) -> list[dict[str, object]]:
    """The catalog as tokens carry it."""
    region = call.control.settings.region
    return [
        {
            "id": fixed_id("service", kind),
            "type": kind,
            "name": name,
            "endpoints": [
                {
                    "id": fixed_id(interface, kind),
                    "interface": interface,
                    "region": region,
                    "region_id": region,
                    "url": call.url(path),
                }
                for interface in ("public", "internal", "admin")
            ],
        }
        for kind, name, path in SERVICES
    ]


def fixed_id(*words: str) -> str:
    """An id that is the same in every process and after every restart."""
    return hashlib.sha256("/".join(words).encode()).hexdigest()[:32]


def _show_catalog(call: Call) -> Reply:
    return Reply({"catalog": catalog(call), "links": {"self": call.url("/identity/v3/auth/catalog")}})


def _links(call: Call, path: str) -> dict[str, object]:
    """The links of a list that is never cut into pages."""
    return {"next": None, "self": call.url(f"/identity/v3/{path}"), "previous": None}


def _list_services(call: Call) -> Reply:
    services = [
        {"id": each["id"], "type": each["type"], "name": each["name"], "enabled": True, "links": {}}
        for each in catalog(call)
    ]
    return Reply({"services": services, "links": _links(call, "services")})


def _list_endpoints(call: Call) -> Reply:
    endpoints = [
        {**endpoint, "service_id": service["id"], "enabled": True, "links": {}}
        for service in catalog(call)
        for endpoint in service["endpoints"]  # type: ignore[attr-defined]
    ]
    return Reply({"endpoints": endpoints, "links": _links(call, "endpoints")})


def _list_regions(call: Call) -> Reply:
    region: dict[str, object] = {
        "id": call.control.settings.region,
        "description": "",
        "parent_region_id": None,
        "links": {},
    }
    return Reply({"regions": [region], "links": _links(call, "regions")})


OPERATIONS = (
    Operation(
        "GET",
        "/identity/v3/auth/catalog",
        _show_catalog,
        rule="identity:get_auth_catalog",
        answer=wrap("catalog", answers.CATALOG, links=answers.SELF),
    ),
    Operation(
        "GET",
        "/identity/v3/services",
        _list_services,
        rule="identity:list_services",
        answer=answers.listed("services", answers.SERVICE),
    ),
    Operation(
        "GET",
        "/identity/v3/endpoints",
        _list_endpoints,
        rule="identity:list_endpoints",
        answer=answers.listed("endpoints", answers.ENDPOINT),
    ),
    Operation(
        "GET",
        "/identity/v3/regions",
        _list_regions,
        rule="identity:list_regions",
        answer=answers.listed("regions", answers.REGION),
    ),
)
