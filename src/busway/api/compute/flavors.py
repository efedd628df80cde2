"""Flavors: list, show, create, describe, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from busway.api.answer import FALSE, NUMBER, REAL, TEXT, TRUTH, mapping, wrap, wrap_list
from busway.api.call import ACCEPTED, Call, Reply
from busway.api.compute.answers import LINKS, NEXT, TEXT_OR_NULL
from busway.api.compute.links import STRICT, next_link, page, self_links
from busway.api.fields import Field, fixed, render, shape_of
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, COUNT, NAME, NATURAL, PAGE, POSITIVE, WORD, as_bool, as_int, closed, wrapped
from busway.control import flavors
from busway.domain.errors import BadInput
from busway.domain.flavor import Flavor
from busway.domain.ids import FlavorId

ROOT = "/compute/v2.1/flavors"

_CREATE = {
    "name": NAME,
    "id": {
        "type": ["string", "integer", "null"],
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^(?! )[a-zA-Z0-9. _-]+(?<! )$",
    },
    "ram": POSITIVE,
    "vcpus": POSITIVE,
    "disk": NATURAL,
    "OS-FLV-EXT-DATA:ephemeral": NATURAL,
    "swap": NATURAL,
    "rxtx_factor": {
        "type": ["number", "string"],
        "exclusiveMinimum": 0,
        "maximum": 3.4e38,
        "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9})?$",
    },
    "os-flavor-access:is_public": BOOLEAN,
}
_DESCRIPTION = {"type": ["string", "null"], "maxLength": 65535}
_REQUIRED = ("name", "ram", "vcpus", "disk")
# From 2.102 on flavors have a filter by name, and no more what has had no effect for long.
SHORTER = 102
_SHORTER_CREATE = {name: schema for name, schema in _CREATE.items() if name != "rxtx_factor"}
CREATE = {
    1: wrapped("flavor", closed(_CREATE, *_REQUIRED)),
    55: wrapped("flavor", closed({**_CREATE, "description": _DESCRIPTION}, *_REQUIRED)),
    SHORTER: wrapped("flavor", closed({**_SHORTER_CREATE, "description": _DESCRIPTION}, *_REQUIRED)),
}
UPDATE = wrapped("flavor", closed({"description": _DESCRIPTION}, "description"))

FIELDS: tuple[Field[Flavor], ...] = (
    Field("id", lambda flavor, _: flavor.id, TEXT),
    Field("name", lambda flavor, _: flavor.name, TEXT),
    Field("ram", lambda flavor, _: flavor.ram_mb, NUMBER),
    Field("disk", lambda flavor, _: flavor.disk_gb, NUMBER),
    Field("vcpus", lambda flavor, _: flavor.vcpus, NUMBER),
    Field("swap", lambda flavor, _: flavor.swap_mb or "", {"type": ["integer", "string"]}, until=74),
    Field("swap", lambda flavor, _: flavor.swap_mb, NUMBER, since=75),
    Field("OS-FLV-EXT-DATA:ephemeral", lambda flavor, _: flavor.ephemeral_gb, NUMBER),
    Field("OS-FLV-DISABLED:disabled", fixed(False), FALSE, until=SHORTER - 1),
    Field("os-flavor-access:is_public", lambda flavor, _: flavor.is_public, TRUTH),
    Field("rxtx_factor", lambda flavor, _: flavor.rxtx_factor, REAL, until=SHORTER - 1),
    Field("description", lambda flavor, _: flavor.description, TEXT_OR_NULL, since=55),
    Field("extra_specs", lambda flavor, _: dict(flavor.extra_specs), mapping(TEXT), since=61),
    Field("links", lambda flavor, call: self_links(call, f"flavors/{flavor.id}"), LINKS),
)
# By the names of Nova's columns.
_SORT_KEYS: dict[str, Callable[[Flavor], Any]] = {
    "flavorid": lambda flavor: flavor.id,
    "name": lambda flavor: flavor.name,
    "memory_mb": lambda flavor: flavor.ram_mb,
    "vcpus": lambda flavor: flavor.vcpus,
    "root_gb": lambda flavor: flavor.disk_gb,
    "ephemeral_gb": lambda flavor: flavor.ephemeral_gb,
    "swap": lambda flavor: flavor.swap_mb,
    "is_public": lambda flavor: flavor.is_public,
    "rxtx_factor": lambda flavor: flavor.rxtx_factor,
    "description": lambda flavor: (flavor.description is None, flavor.description or ""),
}
_BRIEF = tuple(field for field in FIELDS if field.name in ("id", "name", "description", "links"))


def _is_public(call: Call) -> bool | None:
    value = call.query.get("is_public")
    if value is None:
        return True
    return None if str(value).lower() == "none" else as_bool(value, "is_public")


def _chosen(call: Call) -> list[Flavor]:
    least_ram, least_disk = call.number("minRam") or 0, call.number("minDisk") or 0
    pattern = call.text("name") if call.version >= SHORTER else None
    found = flavors.list_flavors(call.control, call.caller, _is_public(call), pattern)
    return _sorted(call, [each for each in found if each.ram_mb >= least_ram and each.disk_gb >= least_disk])


def _sorted(call: Call, found: list[Flavor]) -> list[Flavor]:
    """In the order that a query names, Nova's; without one as they were created. Those that are alike keep that order."""
    keys, directions = call.query.getlist("sort_key"), call.query.getlist("sort_dir")
    if not keys and directions:
        keys = ["flavorid"]
    known = {key for key in _SORT_KEYS if key != "rxtx_factor" or call.version < SHORTER}
    if unknown := [*(set(keys) - known), *(set(directions) - {"asc", "desc"}), *directions[len(keys) :]]:
        raise BadInput(
            f"Flavors can't be sorted by {unknown[0]}",
            detail=f"Keys are {', '.join(sorted(known))}; directions are asc and desc, one for each key.",
            remedy="Choose one of these.",
            code="flavor-sort",
        )
    directions = directions + (directions[:1] or ["asc"]) * (len(keys) - len(directions))
    for key, direction in reversed(list(zip(keys, directions, strict=True))):
        found = sorted(found, key=_SORT_KEYS[key], reverse=direction == "desc")
    return found


def _listing(call: Call, fields: tuple[Field[Flavor], ...], path: str) -> Reply:
    found, marker = page(call, _chosen(call), lambda flavor: flavor.id)
    body: dict[str, object] = {"flavors": [render(fields, flavor, call) for flavor in found]}
    if marker is not None:
        body["flavors_links"] = next_link(call, path, marker)
    return Reply(body)


def _list(call: Call) -> Reply:
    return _listing(call, _BRIEF, ROOT)


def _list_detail(call: Call) -> Reply:
    return _listing(call, FIELDS, f"{ROOT}/detail")


def _show(call: Call) -> Reply:
    return Reply({"flavor": render(FIELDS, flavors.get_flavor(call.control, call.caller, call.path["id"]), call)})


def _create(call: Call) -> Reply:
    given = call.body["flavor"]
    flavor = Flavor(
        id=FlavorId(str(given.get("id") or call.control.new_id())),
        name=given["name"],
        ram_mb=as_int(given["ram"], "ram", least=1),
        vcpus=as_int(given["vcpus"], "vcpus", least=1),
        disk_gb=as_int(given["disk"], "disk"),
        ephemeral_gb=as_int(given.get("OS-FLV-EXT-DATA:ephemeral") or 0, "ephemeral"),
        swap_mb=as_int(given.get("swap") or 0, "swap"),
        is_public=as_bool(given.get("os-flavor-access:is_public", True), "os-flavor-access:is_public"),
        description=given.get("description"),
        rxtx_factor=_factor(given.get("rxtx_factor", 1.0)),
    )
    return Reply({"flavor": render(FIELDS, flavors.create_flavor(call.control, call.caller, flavor), call)})


def _factor(given: float | str) -> float:
    factor = float(given)
    if factor <= 0:
        raise BadInput(f"Invalid input for field/attribute rxtx_factor. {given} is not above 0", code="invalid-body")
    return factor


def _update(call: Call) -> Reply:
    description = call.body["flavor"]["description"]
    flavor = flavors.set_description(call.control, call.caller, call.path["id"], description)
    return Reply({"flavor": render(FIELDS, flavor, call)})


def _delete(call: Call) -> Reply:
    flavors.delete_flavor(call.control, call.caller, call.path["id"])
    return ACCEPTED


_QUERY = {
    **PAGE,
    "is_public": WORD,
    "name": WORD,
    "minRam": COUNT,
    "minDisk": COUNT,
    "sort_key": {"type": "string", "enum": list(_SORT_KEYS)},
    "sort_dir": {"type": "string", "enum": ["asc", "desc"]},
}
FLAVOR = shape_of(FIELDS, "flavor")
_ONE = wrap("flavor", FLAVOR)

OPERATIONS = (
    Operation(
        "GET",
        ROOT,
        _list,
        query=_QUERY,
        query_since={"name": SHORTER},
        strict=STRICT,
        rule="os_compute_api:flavors",
        answer=wrap_list("flavors", shape_of(_BRIEF, "brief-flavor"), flavors_links=NEXT),
    ),
    Operation("POST", ROOT, _create, CREATE, rule="os_compute_api:os-flavor-manage:create", answer=_ONE),
    Operation(
        "GET",
        f"{ROOT}/detail",
        _list_detail,
        query=_QUERY,
        query_since={"name": SHORTER},
        strict=STRICT,
        rule="os_compute_api:flavors",
        answer=wrap_list("flavors", FLAVOR, flavors_links=NEXT),
    ),
    Operation("GET", f"{ROOT}/{{id}}", _show, rule="os_compute_api:flavors", answer=_ONE),
    Operation(
        "PUT", f"{ROOT}/{{id}}", _update, UPDATE, since=55, rule="os_compute_api:os-flavor-manage:update", answer=_ONE
    ),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="os_compute_api:os-flavor-manage:delete"),
)
