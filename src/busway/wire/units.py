"""Grants and holdings as flat JSON objects: the fields of the unit beside its kind, its claim and what is known of it.

Version 1 knew whole functions only, as objects of the same fields without kind, claim and port; so one that is written
here can be read there, and one from there is a function.
"""

from __future__ import annotations

from typing import Any

import msgspec

from busway.domain.grant import NO_CLAIM, Fault, Grant, Held
from busway.domain.ids import ClaimId, ServerId
from busway.domain.units import KINDS, Unit, WholeFunction
from busway.wire.plain import read, to_plain

# The holding's `before` has the name that version 1 gave it.
_BEFORE = "previous_driver"


class _Grant(msgspec.Struct):
    kind: str = WholeFunction.kind
    claim_id: str = ""
    port: int | None = None
    node: int | None = None


class _Held(msgspec.Struct):
    server_id: str
    kind: str = WholeFunction.kind
    claim_id: str = ""
    previous_driver: str | None = None
    fault: Fault | None = None


def write_grant(grant: Grant) -> dict[str, Any]:
    """A grant as JSON has it."""
    return _unit(grant.unit) | {"claim_id": grant.claim_id, "port": grant.port, "node": grant.node}


def read_grant(value: Any) -> Grant:
    """A grant out of JSON; raises `msgspec.ValidationError`, for an unknown kind too."""
    found = read(value, _Grant)
    claim_id = ClaimId(found.claim_id) if found.claim_id else NO_CLAIM
    return Grant(_read_unit(value, found.kind), claim_id, found.port, found.node)


def write_held(held: Held) -> dict[str, Any]:
    """A holding as JSON has it."""
    known = {
        "server_id": held.server_id,
        "claim_id": held.claim_id,
        _BEFORE: held.before,
        "fault": to_plain(held.fault),
    }
    return _unit(held.unit) | known


def read_held(value: Any) -> Held:
    """A holding out of JSON; raises `msgspec.ValidationError`, for an unknown kind too."""
    found = read(value, _Held)
    unit = _read_unit(value, found.kind)
    return Held(ServerId(found.server_id), unit, found.previous_driver, found.fault, ClaimId(found.claim_id))


def _unit(unit: Unit) -> dict[str, Any]:
    return {"kind": unit.kind, **to_plain(unit)}


def _read_unit(value: Any, kind: str) -> Unit:
    if kind not in KINDS:
        raise msgspec.ValidationError(f"'{kind}' is not a known kind of resource: {', '.join(KINDS)}")
    return read(value, KINDS[kind])
