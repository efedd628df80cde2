"""What is used of a provider, and by a project."""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.placement import query
from busway.api.placement.answer import dated, operation
from busway.api.placement.answers import TOTAL_USAGES, USAGES
from busway.api.schema import WORD
from busway.control.providers.consumers import TotalUsage, total_usage
from busway.control.providers.read import get_provider
from busway.domain.errors import BadInput
from busway.domain.provider import INSTANCE
from busway.policy import authorize

_BY_TYPE = 38
_QUERY = {"project_id": 9, "user_id": 9, "consumer_type": _BY_TYPE}
_EVERY_TYPE = "all"


def _of_provider(call: Call) -> Reply:
    provider = get_provider(call.control, call.path["id"])
    return dated(call, {"resource_provider_generation": provider.generation, "usages": dict(provider.used)})


def _of_project(call: Call) -> Reply:
    query.refuse_unknown(call, _QUERY)
    project = call.text("project_id")
    if project is None:
        raise BadInput("Invalid query string parameters: 'project_id' is a required property", code="query-unknown")
    authorize(call.caller, "placement:usages", {"project_id": project})
    found = total_usage(call.control, project, call.text("user_id"))
    if call.version < _BY_TYPE:
        return dated(call, {"usages": dict(found.amounts)})
    return dated(call, {"usages": _by_type(call.text("consumer_type"), found)})


def _by_type(asked: str | None, found: TotalUsage) -> dict[str, object]:
    """All consumers are servers: of another type there are none."""
    if not found.consumers or asked not in (None, INSTANCE, _EVERY_TYPE):
        return {}
    return {asked or INSTANCE: {**found.amounts, "consumer_count": found.consumers}}


OPERATIONS = (
    operation("GET", "/resource_providers/{id}/usages", _of_provider, "resource_providers:usages", answer=USAGES),
    operation("GET", "/usages", _of_project, "usages", since=9, query=dict.fromkeys(_QUERY, WORD), answer=TOTAL_USAGES),
)
