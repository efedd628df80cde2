"""The service catalog: four services under one public URL."""

from __future__ import annotations

import hashlib

from busway.api.call import Call, Reply
from busway.api.operation import Operation

SERVICES = (
    ("identity", "keystone", "/identity"),
    ("compute", "nova", "/compute/v2.1"),
    ("image", "glance", "/image"),
    ("network", "neutron", "/network"),
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


def _list_services(call: Call) -> Reply:
    services = [
        {"id": each["id"], "type": each["type"], "name": each["name"], "enabled": True, "links": {}}
        for each in catalog(call)
    ]
    return Reply({"services": services, "links": {}})


def _list_endpoints(call: Call) -> Reply:
    endpoints = [
        {**endpoint, "service_id": service["id"], "enabled": True, "links": {}}
        for service in catalog(call)
        for endpoint in service["endpoints"]  # type: ignore[attr-defined]
    ]
    return Reply({"endpoints": endpoints, "links": {}})


def _list_regions(call: Call) -> Reply:
    region: dict[str, object] = {
        "id": call.control.settings.region,
        "description": "",
        "parent_region_id": None,
        "links": {},
    }
    return Reply({"regions": [region], "links": {}})


OPERATIONS = (
    Operation("GET", "/identity/v3/auth/catalog", _show_catalog, rule="identity:get_auth_catalog"),
    Operation("GET", "/identity/v3/services", _list_services, rule="identity:list_services"),
    Operation("GET", "/identity/v3/endpoints", _list_endpoints, rule="identity:list_endpoints"),
    Operation("GET", "/identity/v3/regions", _list_regions, rule="identity:list_regions"),
)
