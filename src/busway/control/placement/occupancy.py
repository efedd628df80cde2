"""What servers take up on each host: where they are, where a move keeps room for them, and where they are leaving."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from busway.domain.flavor import Flavor
from busway.domain.ids import HostId, ServerId
from busway.store import departures, moves, servers
from busway.store.database import Tx


@dataclass(frozen=True, slots=True)
class Room:
    """An amount of a host."""

    vcpus: int = 0
    ram_mb: int = 0
    disk_gb: int = 0

    def at_least(self, flavor: Flavor) -> Room:
        """Enough for a flavor too."""
        return Room(max(self.vcpus, flavor.vcpus), max(self.ram_mb, flavor.ram_mb), max(self.disk_gb, flavor.local_gb))

    def plus(self, other: Room) -> Room:
        """Both together."""
        return Room(self.vcpus + other.vcpus, self.ram_mb + other.ram_mb, self.disk_gb + other.disk_gb)


Occupants = dict[ServerId, Room]


def occupants(tx: Tx, host_ids: Collection[HostId] | None = None) -> dict[HostId, Occupants]:
    """The room of each server on each host, of all or of some; one resized in place takes the larger of both sizes.

    Where some hosts are asked for, the answer may have others too.
    """
    found: dict[HostId, Occupants] = defaultdict(dict)

    def add(host_id: HostId, server_id: ServerId, flavor: Flavor) -> None:
        found[host_id][server_id] = found[host_id].get(server_id, Room()).at_least(flavor)

    for each in servers.list_occupants(tx, host_ids):
        add(each.host_id, each.id, each.flavor)
    for move in moves.list_open_moves(tx, host_ids):
        for side in (move.source, move.target):
            add(side.host_id, move.server_id, side.flavor)
    leaving = departures.list_departures(tx, host_ids=host_ids)
    flavors = {row.id: row.flavor for row in servers.list_by_id(tx, [each.server_id for each in leaving])}
    for departure in leaving:
        add(departure.host_id, departure.server_id, flavors[departure.server_id])
    return found


def total(rooms: Occupants) -> Room:
    """What servers take up together."""
    sum_ = Room()
    for room in rooms.values():
        sum_ = sum_.plus(room)
    return sum_
