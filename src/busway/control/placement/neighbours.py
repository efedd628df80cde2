"""The scheduler hints same_host and different_host: the servers whose hosts a server must share, or avoid."""

from __future__ import annotations

from dataclasses import replace

from busway.domain.ids import ServerId
from busway.domain.placement import PlacementRequest
from busway.store import server_places
from busway.store.database import Tx
from busway.store.servers import ServerRow

SAME, DIFFERENT = "same_host", "different_host"
MOST_NEIGHBOURS = 100


def with_neighbours(tx: Tx, row: ServerRow, request: PlacementRequest) -> PlacementRequest:
    """The request with the hosts of the servers that its hints name; servers of other projects count as missing."""
    near, apart = (_ids(row.hints.get(name)) for name in (SAME, DIFFERENT))
    if not near and not apart:
        return request
    hosts = server_places.host_names(tx, {*near, *apart} - {row.id}, present_in=row.project_id)
    return replace(
        request,
        near=frozenset(hosts[each] for each in near if each in hosts) if near else None,
        apart=frozenset(hosts[each] for each in apart if each in hosts),
    )


def _ids(hint: object) -> list[ServerId]:
    """A hint is one id, or a list of them."""
    found = [hint] if isinstance(hint, str) else hint if isinstance(hint, list) else []
    return [ServerId(each) for each in found[:MOST_NEIGHBOURS] if isinstance(each, str)]
