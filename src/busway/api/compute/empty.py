"""What clients ask for and Busway has none of: usage."""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.operation import Operation
from busway.domain.errors import NotFound, NotSupported

_ROOT = "/compute/v2.1"


def _none(path: str, key: str) -> tuple[Operation, ...]:
    def listing(_call: Call) -> Reply:
        return Reply({key: []})

    def showing(call: Call) -> Reply:
        raise NotFound(f"There is no {path.removeprefix('os-')} {call.path['id']}", code="not-found")

    def creating(_call: Call) -> Reply:
        raise NotSupported(f"Busway has no {path.removeprefix('os-').replace('-', ' ')}", code="not-supported")

    return (
        Operation("GET", f"{_ROOT}/{path}", listing),
        Operation("GET", f"{_ROOT}/{path}/{{id}}", showing),
        Operation("POST", f"{_ROOT}/{path}", creating),
    )


def _usages(_call: Call) -> Reply:
    return Reply({"tenant_usages": []})


def _usage(_call: Call) -> Reply:
    return Reply({"tenant_usage": {}})


OPERATIONS = (
    Operation("GET", f"{_ROOT}/os-simple-tenant-usage", _usages, rule="os_compute_api:os-simple-tenant-usage:list"),
    Operation(
        "GET", f"{_ROOT}/os-simple-tenant-usage/{{id}}", _usage, rule="os_compute_api:os-simple-tenant-usage:show"
    ),
)
