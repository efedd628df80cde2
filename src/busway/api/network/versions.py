"""The version documents of the network API, its extensions and its resources."""

from __future__ import annotations

from busway.api.answer import EMPTY, shape, wrap, wrap_list
from busway.api.call import Call, Reply
from busway.api.network.absent import has_routers, has_trunks
from busway.api.network.answers import EXTENSION, RESOURCES, VERSIONS
from busway.api.network.rows import listing
from busway.api.operation import Operation
from busway.domain.errors import NotFound

ROOT = "/network/v2.0"

_EXTENSIONS = (
    ("security-group", "security-group"),
    ("port-security", "Port Security"),
    ("allowed-address-pairs", "Allowed Address Pairs"),
    ("extra_dhcp_opt", "Extra DHCP options"),
    ("provider", "Provider Network"),
    ("binding", "Port Binding"),
    ("port-numa-affinity-policy", "Port NUMA affinity policy"),
    ("port-numa-affinity-policy-socket", "Port NUMA affinity policy socket"),
    ("filter-validation", "Filter parameters validation"),
    ("ip-substring-filtering", "IP address substring filtering"),
    ("pagination", "Pagination support"),
    ("sorting", "Sorting support"),
    ("tag", "Tag support"),
    (
        "standard-attr-tag",
        "Tag support for resources with standard attribute: network, port, security_group, subnet, router, floatingip, trunk",
    ),
    ("standard-attr-description", "standard-attr-description"),
    ("standard-attr-revisions", "Resource revision numbers"),
    ("revision-if-match", "If-Match constraints based on revision_number"),
    ("net-mtu", "Network MTU"),
    ("network-ip-availability", "Network IP Availability"),
    ("quotas", "Quota management support"),
    ("quota-check-limit", "Quota engine limit check"),
    ("quota_details", "Quota details management support"),
    ("project-id", "project_id"),
)
# Announced where there can be routers.
_ROUTERS = (
    ("router", "Neutron L3 Router"),
    ("external-net", "Neutron external network"),
    ("ext-gw-mode", "Neutron L3 Configurable external gateway mode"),
    ("extraroute", "Neutron Extra Route"),
    ("auto-allocated-topology", "Auto Allocated Topology Services"),
    ("extraroute-atomic", "Atomically add/remove extra routes"),
)
# Announced where there can be trunks.
_TRUNKS = (("trunk", "Trunk Extension"), ("trunk-details", "Trunk port details"))
_RESOURCES = ("network", "subnet", "port", "security-group", "security-group-rule", "quota", "extension")
_ROUTER_RESOURCES = ("router", "floatingip")
_TRUNK_RESOURCES = ("trunk",)


def _list(call: Call) -> Reply:
    links = [{"rel": "self", "href": call.url(f"{ROOT}/")}]
    return Reply({"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]})


def _show(call: Call) -> Reply:
    routers = _ROUTER_RESOURCES if has_routers(call.control) else ()
    names = (*_RESOURCES, *routers, *(_TRUNK_RESOURCES if has_trunks(call.control) else ()))
    links = {name: [{"rel": "self", "href": call.url(f"{ROOT}/{name}s")}] for name in names}
    return Reply({"resources": [{"name": name, "collection": f"{name}s", "links": links[name]} for name in names]})


def _extensions(call: Call) -> list[dict[str, object]]:
    known = (
        *_EXTENSIONS,
        *(_ROUTERS if has_routers(call.control) else ()),
        *(_TRUNKS if has_trunks(call.control) else ()),
    )
    return [
        {
            "alias": alias,
            "name": name,
            "description": name,
            "updated": "2016-01-01T00:00:00-00:00",
            "links": [],
        }
        for alias, name in known
    ]


def _list_extensions(call: Call) -> Reply:
    return listing(call, "extensions", _extensions(call), frozenset({"alias", "name", "updated"}))


def _show_extension(call: Call) -> Reply:
    for row in _extensions(call):
        if row["alias"] == call.path["id"]:
            return Reply({"extension": row})
    raise NotFound(f"Extension {call.path['id']} could not be found", code="extension-not-found")


def _zones(call: Call) -> Reply:
    return listing(call, "availability_zones", [], frozenset({"name", "resource", "state"}))


OPERATIONS = (
    Operation("GET", "/network", _list, public=True, answer=VERSIONS),
    Operation("GET", ROOT, _show, rule="get_extensions", answer=RESOURCES),
    Operation(
        "GET", f"{ROOT}/extensions", _list_extensions, rule="get_extensions", answer=wrap_list("extensions", EXTENSION)
    ),
    Operation(
        "GET", f"{ROOT}/extensions/{{id}}", _show_extension, rule="get_extensions", answer=wrap("extension", EXTENSION)
    ),
    Operation(
        "GET",
        f"{ROOT}/availability_zones",
        _zones,
        rule="get_availability_zone",
        answer=shape({"availability_zones": EMPTY}),
    ),
)
