"""The version documents of the network API, its extensions and what Busway has none of."""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.network.rows import listing, one
from busway.api.operation import Operation

ROOT = "/network/v2.0"

_EXTENSIONS = (
    ("security-group", "security-group"),
    ("port-security", "Port Security"),
    ("allowed-address-pairs", "Allowed Address Pairs"),
    ("provider", "Provider Network"),
    ("net-mtu", "Network MTU"),
    ("quotas", "Quota management support"),
    ("quota_details", "Quota details management support"),
    ("project-id", "project_id"),
)
_NONE = ("routers", "floatingips", "agents", "subnetpools", "address-groups", "rbac-policies", "trunks", "segments")


def _list(call: Call) -> Reply:
    links = [{"rel": "self", "href": call.url(f"{ROOT}/")}]
    return Reply({"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]})


def _show(_call: Call) -> Reply:
    return Reply({"resources": []})


def _extensions() -> list[dict[str, object]]:
    return [
        {
            "id": alias,
            "alias": alias,
            "name": name,
            "description": name,
            "updated": "2016-01-01T00:00:00-00:00",
            "links": [],
        }
        for alias, name in _EXTENSIONS
    ]


def _list_extensions(call: Call) -> Reply:
    rows = _extensions()
    for row in rows:
        del row["id"]
    return listing(call, "extensions", rows)


def _show_extension(call: Call) -> Reply:
    return one(call, "extension", _extensions())


def _zones(call: Call) -> Reply:
    return listing(call, "availability_zones", [])


def _empty(name: str) -> Operation:
    key = name.replace("-", "_")
    rule = "get_rbac_policy" if name == "rbac-policies" else f"get_{key.removesuffix('s')}"
    return Operation("GET", f"{ROOT}/{name}", lambda call: listing(call, key, []), rule=rule)


OPERATIONS = (
    Operation("GET", "/network", _list, public=True),
    Operation("GET", ROOT, _show, rule="get_extensions"),
    Operation("GET", f"{ROOT}/extensions", _list_extensions, rule="get_extensions"),
    Operation("GET", f"{ROOT}/extensions/{{id}}", _show_extension, rule="get_extensions"),
    Operation("GET", f"{ROOT}/availability_zones", _zones, rule="get_availability_zone"),
    *(_empty(name) for name in _NONE),
)
