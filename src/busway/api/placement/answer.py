"""What all answers of Placement have in common: how its operations are declared, and the headers of 1.15."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import format_datetime

from busway.api.call import Call, Reply
from busway.api.microversion import PLACEMENT_MAXIMUM
from busway.api.operation import Handler, Operation
from busway.api.schema import Definition, Schema
from busway.domain.errors import Conflict

ROOT = "/placement"
_DATED = 15


def operation(
    method: str,
    path: str,
    handler: Handler,
    rule: str = "",
    *,
    since: int = 0,
    body: Schema | Mapping[int, Schema] | None = None,
    query: Mapping[str, Definition] | None = None,
    public: bool = False,
    reads_body: bool = False,
    answer: Definition | None = None,
    strict: int | None = None,
) -> Operation:
    """An operation from a microversion 1.X on."""
    return Operation(
        method,
        f"{ROOT}{path}",
        handler,
        body,
        since,
        PLACEMENT_MAXIMUM,
        public,
        reads_body,
        query=query or {},
        strict=strict,
        rule=f"placement:{rule}" if rule else "",
        answer=answer,
    )


def dated(call: Call, body: object = None, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer that says from 1.15 on that it is of now and must not be kept, for it is computed."""
    more = dict(headers or {})
    if call.version >= _DATED:
        more |= {"Last-Modified": format_datetime(call.control.now(), usegmt=True), "Cache-Control": "no-cache"}
    return Reply(body, status, more)


def computed(what: str, remedy: str) -> Conflict:
    """The refusal of a write to what follows from Busway's own state."""
    return Conflict(
        f"{what} can't be set through Placement",
        detail="Busway computes this view from its hosts, devices and servers.",
        remedy=remedy,
        code="resource-provider-computed",
    )
