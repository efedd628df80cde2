"""Placement's language of queries: amounts of classes, traits, aggregates; refused where a microversion does not have a word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from busway.api.call import Call
from busway.domain.allocation_candidates import Traits
from busway.domain.errors import BadInput
from busway.domain.provider import is_uuid

_AMOUNT = re.compile(r"(?P<name>[A-Z0-9_]{1,255}):(?P<amount>[1-9][0-9]{0,9})", re.ASCII)
_FORBIDDEN, _ANY_TRAIT, _MANY_AGGREGATES, _NOT_IN = 22, 39, 24, 32


def refuse_unknown(call: Call, known: Mapping[str, int], patterns: Iterable[tuple[re.Pattern[str], int]] = ()) -> None:
    """Raises `BadInput` for a parameter that does not exist at the call's version; `known` holds the first version of each."""
    for name in call.query:
        since = known.get(name)
        if since is None:
            since = next((at for pattern, at in patterns if pattern.fullmatch(name)), None)
        if since is None or call.version < since:
            raise BadInput(
                f"Invalid query string parameters: '{name}' is not known at 1.{call.version}",
                detail="" if since is None else f"It exists from 1.{since} on.",
                remedy=f"Known are {', '.join(name for name, at in known.items() if at <= call.version)}.",
                code="query-unknown",
            )


def resources(text: str) -> dict[str, int]:
    """Amounts by class, of `VCPU:2,MEMORY_MB:512`."""
    found: dict[str, int] = {}
    for part in text.split(","):
        match = _AMOUNT.fullmatch(part.strip())
        if match is None or match["name"] in found:
            raise BadInput(
                "Badly formed resources parameter. Expected resources query string parameter in form: ?resources=VCPU:2,"
                f"MEMORY_MB:1024. Got: {text[:80]}.",
                code="query-resources",
            )
        found[match["name"]] = int(match["amount"])
    return found


def traits(call: Call, name: str) -> tuple[Traits, frozenset[str]]:
    """Sets of which a provider has one trait each, and traits that it must not have."""
    values = call.query.getlist(name)
    if len(values) > 1 and call.version < _ANY_TRAIT:
        values = values[-1:]
    required: list[frozenset[str]] = []
    forbidden: set[str] = set()
    for value in values:
        if value.startswith("in:"):
            _require(call, _ANY_TRAIT, f"{name}=in:")
            names = [_name(part, name) for part in value.removeprefix("in:").split(",")]
            required.append(frozenset(names))
            continue
        for part in value.split(","):
            if part.startswith("!"):
                _require(call, _FORBIDDEN, f"{name}=!")
                forbidden.add(_name(part[1:], name))
            else:
                required.append(frozenset({_name(part, name)}))
    clash = [each for each in required if each <= forbidden]
    if clash:
        raise BadInput(
            f"Conflicting required and forbidden traits found in the following traits keys: {name}: "
            f"({', '.join(sorted(clash[0]))})",
            code="query-traits",
        )
    return tuple(required), frozenset(forbidden)


def member_of(call: Call, name: str) -> tuple[tuple[frozenset[str], ...], frozenset[str]]:
    """Sets of which a provider is in one aggregate each, and aggregates that it is in none of."""
    values = call.query.getlist(name)
    if len(values) > 1:
        _require(call, _MANY_AGGREGATES, f"several {name}")
    inside: list[frozenset[str]] = []
    outside: set[str] = set()
    for value in values:
        text, negative = value.removeprefix("!"), value.startswith("!")
        if negative:
            _require(call, _NOT_IN, f"{name}=!")
        several = text.startswith("in:")
        ids = text.removeprefix("in:").split(",")
        if (len(ids) > 1 and not several) or not all(is_uuid(each) for each in ids):
            raise BadInput(
                f"Invalid query string parameters: Expected '{name}' parameter to contain valid UUID(s). Got: {value[:80]}",
                remedy="Write several as in:UUID,UUID.",
                code="query-aggregates",
            )
        if negative:
            outside |= set(ids)
        else:
            inside.append(frozenset(ids))
    return tuple(inside), frozenset(outside)


def uuid_of(call: Call, name: str) -> str | None:
    """An id of a query, None where it is not there; raises `BadInput` for another text."""
    text = call.text(name)
    if text is not None and not is_uuid(text):
        raise BadInput(f"Expected '{name}' parameter to be a format of uuid. Got: {text[:80]}", code="query-uuid")
    return text


def _require(call: Call, since: int, what: str) -> None:
    if call.version < since:
        raise BadInput(f"{what} is not known at 1.{call.version}; it exists from 1.{since} on", code="query-unknown")


def _name(text: str, parameter: str) -> str:
    if not text or text.startswith("!"):
        raise BadInput(
            f"Invalid query string parameters: Expected '{parameter}' parameter value of the form: "
            f"HW_CPU_X86_VMX,CUSTOM_MAGIC. Got: {text[:80]}",
            code="query-traits",
        )
    return text
