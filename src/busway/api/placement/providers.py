"""Resource providers: hosts, and below each its devices; what is to be changed of them is changed in Busway."""

from __future__ import annotations

from busway.api.answer import wrap_list
from busway.api.call import Call, Reply
from busway.api.placement import query
from busway.api.placement.answer import ROOT, computed, dated, operation
from busway.api.placement.answers import PROVIDER
from busway.api.schema import WORD
from busway.control.providers.read import ProviderFilter, get_provider, list_providers
from busway.domain.provider import ResourceProvider

_LINKS = (("inventories", 0), ("usages", 0), ("aggregates", 1), ("traits", 6), ("allocations", 11))
_QUERY = {"uuid": 0, "name": 0, "member_of": 3, "resources": 4, "in_tree": 14, "required": 18}
_NESTED = 14


def url_of(call: Call, provider: ResourceProvider) -> str:
    """Where a provider is."""
    return call.url(f"{ROOT}/resource_providers/{provider.uuid}")


def _row(call: Call, provider: ResourceProvider) -> dict[str, object]:
    url = url_of(call, provider)
    row: dict[str, object] = {
        "uuid": provider.uuid,
        "name": provider.name,
        "generation": provider.generation,
        "links": [
            {"rel": "self", "href": url},
            *({"rel": name, "href": f"{url}/{name}"} for name, since in _LINKS if call.version >= since),
        ],
    }
    if call.version >= _NESTED:
        row |= {"parent_provider_uuid": provider.parent, "root_provider_uuid": provider.root}
    return row


def _list(call: Call) -> Reply:
    query.refuse_unknown(call, _QUERY)
    required, forbidden = query.traits(call, "required")
    inside, outside = query.member_of(call, "member_of")
    amounts = call.text("resources")
    wanted = ProviderFilter(
        query.uuid_of(call, "uuid"),
        call.text("name"),
        query.uuid_of(call, "in_tree"),
        inside,
        outside,
        required,
        forbidden,
        query.resources(amounts) if amounts else {},
    )
    found = list_providers(call.control, wanted)
    return dated(call, {"resource_providers": [_row(call, each) for each in found]})


def _show(call: Call) -> Reply:
    return dated(call, _row(call, get_provider(call.control, call.path["id"])))


def _create(_call: Call) -> Reply:
    raise computed("Resource providers", "Add a host: busway host create NAME; its agent reports the rest.")


def _update(call: Call) -> Reply:
    provider = get_provider(call.control, call.path["id"])
    raise computed(f"Name and parent of {provider.name}", "They are those of the host and its devices.")


def _delete(call: Call) -> Reply:
    provider = get_provider(call.control, call.path["id"])
    if provider.parent is None:
        raise computed(f"That {provider.name} is gone", f"Delete the host: busway host delete {provider.name}.")
    raise computed(f"That {provider.name} is gone", "Take it out of the device specs: busway device-spec list.")


OPERATIONS = (
    operation(
        "GET",
        "/resource_providers",
        _list,
        "resource_providers:list",
        query=dict.fromkeys(_QUERY, WORD),
        answer=wrap_list("resource_providers", PROVIDER),
    ),
    operation("POST", "/resource_providers", _create, "resource_providers:create", reads_body=True),
    operation("GET", "/resource_providers/{id}", _show, "resource_providers:show", answer=PROVIDER),
    operation("PUT", "/resource_providers/{id}", _update, "resource_providers:update", reads_body=True),
    operation("DELETE", "/resource_providers/{id}", _delete, "resource_providers:delete"),
)
