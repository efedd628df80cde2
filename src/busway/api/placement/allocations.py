"""Who takes what: of a provider, and by a server; set by placing, moving and deleting servers alone."""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.placement.answer import computed, dated, operation
from busway.api.placement.answers import ALLOCATIONS, PROVIDER_ALLOCATIONS
from busway.control.providers.consumers import consumers_of, taken_by
from busway.control.providers.read import get_provider
from busway.domain.errors import NotFound

_OWNED, _GENERATION, _TYPE = 12, 28, 38
_REMEDY = "Create, resize, migrate or delete the server."


def _of_provider(call: Call) -> Reply:
    provider = get_provider(call.control, call.path["id"])
    consumers = consumers_of(call.control, provider) if call.version >= _GENERATION else {}
    rows: dict[str, object] = {}
    for consumer_id, amounts in provider.allocations.items():
        row: dict[str, object] = {"resources": dict(amounts)}
        if consumer_id in consumers:
            row["consumer_generation"] = consumers[consumer_id].generation
        rows[consumer_id] = row
    return dated(call, {"allocations": rows, "resource_provider_generation": provider.generation})


def _of_consumer(call: Call) -> Reply:
    found = taken_by(call.control, call.path["id"])
    rows = {
        provider.uuid: {"generation": provider.generation, "resources": dict(amounts)}
        for provider, amounts in found.providers
    }
    body: dict[str, object] = {"allocations": rows}
    if found.consumer is not None and call.version >= _OWNED:
        body |= {"project_id": found.consumer.project_id, "user_id": found.consumer.user_id}
        if call.version >= _GENERATION:
            body["consumer_generation"] = found.consumer.generation
        if call.version >= _TYPE:
            body["consumer_type"] = found.consumer.type
    return dated(call, body)


def _free(call: Call) -> Reply:
    if taken_by(call.control, call.path["id"]).consumer is None:
        raise NotFound(f"No allocations for consumer '{call.path['id']}'", code="allocations-not-found")
    raise computed("Allocations", _REMEDY)


def _refuse(_call: Call) -> Reply:
    raise computed("Allocations", _REMEDY)


def _reshape(_call: Call) -> Reply:
    raise computed("Inventories and allocations", _REMEDY)


OPERATIONS = (
    operation(
        "GET",
        "/resource_providers/{id}/allocations",
        _of_provider,
        "resource_providers:allocations:list",
        answer=PROVIDER_ALLOCATIONS,
    ),
    operation("GET", "/allocations/{id}", _of_consumer, "allocations:list", answer=ALLOCATIONS),
    operation("PUT", "/allocations/{id}", _refuse, "allocations:update", reads_body=True),
    operation("DELETE", "/allocations/{id}", _free, "allocations:delete"),
    operation("POST", "/allocations", _refuse, "allocations:manage", since=13, reads_body=True),
    operation("POST", "/reshaper", _reshape, "reshaper:reshape", since=30, reads_body=True),
)
