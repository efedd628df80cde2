"""The aggregates of a provider: those of its host, which the compute API makes."""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.placement.answer import computed, dated, operation
from busway.api.placement.answers import AGGREGATES
from busway.control.providers.read import get_provider

_ROOT = "/resource_providers/{id}/aggregates"
_WITH_GENERATION = 19


def _list(call: Call) -> Reply:
    provider = get_provider(call.control, call.path["id"])
    body: dict[str, object] = {"aggregates": sorted(provider.aggregates)}
    if call.version >= _WITH_GENERATION:
        body["resource_provider_generation"] = provider.generation
    return dated(call, body)


def _set(call: Call) -> Reply:
    provider = get_provider(call.control, call.path["id"])
    raise computed(
        f"The aggregates of {provider.name}", "Put the host into one: openstack aggregate add host AGGREGATE HOST."
    )


OPERATIONS = (
    operation("GET", _ROOT, _list, "resource_providers:aggregates:list", answer=AGGREGATES, since=1),
    operation("PUT", _ROOT, _set, "resource_providers:aggregates:update", since=1, reads_body=True),
)
