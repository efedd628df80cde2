"""Use cases: what one server takes of which providers, and what a project's servers take together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from busway.control.context import Control
from busway.control.providers.tree import read_trees
from busway.domain.ids import HostId, ProjectId, ServerId, UserId
from busway.domain.provider import Consumer, ResourceProvider, sum_amounts
from busway.store import claims, departures, moves, server_places, servers
from busway.store.database import Tx
from busway.store.servers import ServerRow


@dataclass(frozen=True, slots=True)
class Taken:
    """What one consumer takes of each provider; without a consumer nobody is known under that id."""

    consumer: Consumer | None = None
    providers: tuple[tuple[ResourceProvider, Mapping[str, int]], ...] = ()


@dataclass(frozen=True, slots=True)
class TotalUsage:
    """What consumers take together, and how many they are."""

    amounts: Mapping[str, int] = field(default_factory=dict)
    consumers: int = 0


def taken_by(control: Control, consumer_id: str) -> Taken:
    """The allocations of a server, on both hosts while it moves; none for an id that is no server's."""
    with control.db.read() as tx:
        found = servers.list_by_id(tx, [ServerId(consumer_id)])
        if not found:
            return Taken()
        trees = read_trees(control, tx, _hosts_of(tx, found[0]))
    providers = tuple(
        (provider, amounts)
        for tree in trees
        for provider in tree.providers
        if (amounts := provider.allocations.get(consumer_id))
    )
    return Taken(consumer_of(found[0]), providers) if providers else Taken()


def consumers_of(control: Control, provider: ResourceProvider) -> dict[str, Consumer]:
    """The servers that take something of a provider."""
    with control.db.read() as tx:
        rows = servers.list_by_id(tx, [ServerId(each) for each in provider.allocations])
    return {str(row.id): consumer_of(row) for row in rows}


def total_usage(control: Control, project_id: str, user_id: str | None = None) -> TotalUsage:
    """What the placed servers of a project take together, or of those that one user of it has made."""
    with control.db.read() as tx:
        rows = server_places.list_placed_of(tx, ProjectId(project_id), UserId(user_id) if user_id else None)
        server_ids = {str(row.id) for row in rows}
        trees = read_trees(control, tx, {host for row in rows for host in _hosts_of(tx, row)}) if rows else []
    taken = [
        (consumer, amounts)
        for tree in trees
        for provider in tree.providers
        for consumer, amounts in provider.allocations.items()
        if consumer in server_ids
    ]
    return TotalUsage(sum_amounts(amounts for _, amounts in taken), len({consumer for consumer, _ in taken}))


def consumer_of(row: ServerRow) -> Consumer:
    """A server as a consumer; its generation grows with each change of the server."""
    return Consumer(str(row.id), str(row.project_id), str(row.user_id), int(row.updated.timestamp()))


def _hosts_of(tx: Tx, row: ServerRow) -> set[HostId]:
    """Where a server is, where it goes to, and where it is leaving."""
    found = {row.host_id} if row.host_id is not None else set()
    found |= {claim.host_id for claim in claims.list_live_claims(tx, server_id=row.id)}
    found |= {departure.host_id for departure in departures.list_departures(tx, server_id=row.id)}
    move = moves.find_open_move(tx, row.id)
    return found | ({move.source.host_id, move.target.host_id} if move is not None else set())
