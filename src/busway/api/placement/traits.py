"""Traits: which there are, and which of them a provider has; hosts can be given some, which flavors then ask for."""

from __future__ import annotations

from busway.api.answer import NOTHING
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.placement.answer import ROOT, dated, operation
from busway.api.placement.answers import PROVIDER_TRAITS, TRAITS
from busway.api.schema import WORD, Schema, closed
from busway.control.providers import write
from busway.control.providers.read import associated_traits, get_provider, list_traits
from busway.domain.errors import BadInput, NotFound
from busway.domain.provider import ResourceProvider

_SINCE = 6
_OF_PROVIDER = "/resource_providers/{id}/traits"
_NAME = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[A-Z0-9_]+$"}
_SET = Schema(
    closed(
        {
            "traits": {"type": "array", "items": _NAME, "uniqueItems": True, "maxItems": 1000},
            "resource_provider_generation": {"type": "integer"},
        },
        "traits",
        "resource_provider_generation",
    )
)


def _list(call: Call) -> Reply:
    found = list_traits(call.control)
    if text := call.text("name"):
        found = _named(text, found)
    if "associated" in call.query:
        word = call.query["associated"].lower()
        if word not in ("true", "false"):
            raise BadInput('The query parameter "associated" only accepts "true" or "false"', code="query-traits")
        held = associated_traits(call.control)
        found = [name for name in found if (name in held) == (word == "true")]
    return dated(call, {"traits": found})


def _named(text: str, traits: list[str]) -> list[str]:
    operator, colon, value = text.partition(":")
    if not colon or operator not in ("in", "startswith"):
        raise BadInput(
            "Badly formatted name parameter. Expected name query string parameter in form: "
            f'?name=[in|startswith]:[name1,name2|prefix]. Got: "{text[:80]}"',
            code="query-traits",
        )
    if operator == "startswith":
        return [name for name in traits if name.startswith(value)]
    return [name for name in traits if name in value.split(",")]


def _show(call: Call) -> Reply:
    if call.path["name"] not in list_traits(call.control):
        raise NotFound(f"No such trait(s): {call.path['name']}.", code="trait-unknown")
    return dated(call, status=204)


def _create(call: Call) -> Reply:
    made = write.create_trait(call.control, call.path["name"])
    where = {"Location": call.url(f"{ROOT}/traits/{call.path['name']}")}
    return dated(call, status=201 if made else 204, headers=where)


def _delete(call: Call) -> Reply:
    write.delete_trait(call.control, call.path["name"])
    return NO_CONTENT


def _of(call: Call, provider: ResourceProvider) -> Reply:
    body = {"traits": sorted(provider.traits), "resource_provider_generation": provider.generation}
    return dated(call, body)


def _list_of(call: Call) -> Reply:
    return _of(call, get_provider(call.control, call.path["id"]))


def _set_of(call: Call) -> Reply:
    generation = call.body["resource_provider_generation"]
    return _of(call, write.set_traits(call.control, call.caller, call.path["id"], generation, call.body["traits"]))


def _clear_of(call: Call) -> Reply:
    write.set_traits(call.control, call.caller, call.path["id"], None, ())
    return NO_CONTENT


OPERATIONS = (
    operation(
        "GET",
        "/traits",
        _list,
        "traits:list",
        answer=TRAITS,
        since=_SINCE,
        query={"name": WORD, "associated": WORD},
        strict=_SINCE,
    ),
    operation("GET", "/traits/{name}", _show, "traits:show", answer=NOTHING, since=_SINCE),
    operation("PUT", "/traits/{name}", _create, "traits:update", answer=NOTHING, since=_SINCE),
    operation("DELETE", "/traits/{name}", _delete, "traits:delete", since=_SINCE),
    operation("GET", _OF_PROVIDER, _list_of, "resource_providers:traits:list", answer=PROVIDER_TRAITS, since=_SINCE),
    operation(
        "PUT",
        _OF_PROVIDER,
        _set_of,
        "resource_providers:traits:update",
        since=_SINCE,
        body=_SET,
        answer=PROVIDER_TRAITS,
    ),
    operation("DELETE", _OF_PROVIDER, _clear_of, "resource_providers:traits:delete", since=_SINCE),
)
