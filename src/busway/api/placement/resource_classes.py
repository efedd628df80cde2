"""Resource classes: Placement's standard ones, and those of devices, which device specs name."""

from __future__ import annotations

from busway.api.answer import NOTHING, wrap_list
from busway.api.call import Call, Reply
from busway.api.placement.answer import ROOT, computed, dated, operation
from busway.api.placement.answers import RESOURCE_CLASS
from busway.control.providers.read import list_classes
from busway.domain.errors import NotFound

_SINCE, _ENSURED = 2, 7
_REMEDY = "Say it in a device spec: busway device-spec create --resource-class NAME, or mdev_class in [mdev_TYPE]."


def _row(call: Call, name: str) -> dict[str, object]:
    return {"name": name, "links": [{"rel": "self", "href": call.url(f"{ROOT}/resource_classes/{name}")}]}


def _list(call: Call) -> Reply:
    return dated(call, {"resource_classes": [_row(call, name) for name in list_classes(call.control)]})


def _known(call: Call) -> str:
    name = call.path["name"]
    if name not in list_classes(call.control):
        raise NotFound(f"No such resource class {name}.", remedy=_REMEDY, code="resource-class-unknown")
    return name


def _show(call: Call) -> Reply:
    return dated(call, _row(call, _known(call)))


def _create(_call: Call) -> Reply:
    raise computed("Resource classes", _REMEDY)


def _ensure(call: Call) -> Reply:
    """From 1.7 on it asks that a class be there, before it gives one another name; one that is not there has nothing to be of."""
    if call.version < _ENSURED:
        raise computed(f"Another name of resource class {_known(call)}", _REMEDY)
    name = call.path["name"]
    if name not in list_classes(call.control):
        raise computed(f"Resource class {name}", _REMEDY)
    return dated(call, status=204, headers={"Location": call.url(f"{ROOT}/resource_classes/{name}")})


def _delete(call: Call) -> Reply:
    raise computed(f"That there is no resource class {_known(call)}", "Take it out of the device specs.")


_ROOT, _ONE = "/resource_classes", "/resource_classes/{name}"
OPERATIONS = (
    operation(
        "GET",
        _ROOT,
        _list,
        "resource_classes:list",
        answer=wrap_list("resource_classes", RESOURCE_CLASS),
        since=_SINCE,
        strict=_SINCE,
    ),
    operation("POST", _ROOT, _create, "resource_classes:create", since=_SINCE, reads_body=True),
    operation("GET", _ONE, _show, "resource_classes:show", answer=RESOURCE_CLASS, since=_SINCE),
    operation("PUT", _ONE, _ensure, "resource_classes:update", answer=NOTHING, since=_SINCE, reads_body=True),
    operation("DELETE", _ONE, _delete, "resource_classes:delete", since=_SINCE),
)
