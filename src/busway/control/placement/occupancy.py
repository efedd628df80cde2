"""What servers use on each host: where they are, where a move reserves room for them, and where they are leaving."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from busway.domain.flavor import Flavor
from busway.domain.ids import HostId, ServerId
from busway.store import cells, departures, moves, server_places, servers
from busway.store.cells import UsedCell
from busway.store.database import Tx
from busway.store.hosts import HostRow


@dataclass(frozen=True, slots=True)
class Room:
    """An amount of a host; `pcpus` are CPUs that nobody else gets, and not among the `vcpus`."""

    vcpus: int = 0
    ram_mb: int = 0
    disk_gb: int = 0
    pcpus: int = 0

    def at_least(self, flavor: Flavor) -> Room:
        """Enough for a flavor too."""
        return Room(max(self.vcpus, flavor.vcpus), max(self.ram_mb, flavor.ram_mb), max(self.disk_gb, flavor.local_gb))

    def plus(self, other: Room) -> Room:
        """Both together."""
        return Room(
            self.vcpus + other.vcpus,
            self.ram_mb + other.ram_mb,
            self.disk_gb + other.disk_gb,
            self.pcpus + other.pcpus,
        )

    def apart(self, pcpus: int, vcpus: int) -> Room:
        """Splits the vCPUs of a server into `pcpus` dedicated CPUs and `vcpus` shared vCPUs."""
        return replace(self, vcpus=vcpus, pcpus=pcpus)


Occupants = dict[ServerId, Room]


def occupants(tx: Tx, host_ids: Collection[HostId] | None = None) -> dict[HostId, Occupants]:
    """The room of each server on each host, of all or of some; one resized in place takes the larger of both sizes.

    Where some hosts are asked for, the answer may have others too.
    """
    found: dict[HostId, Occupants] = defaultdict(dict)

    def add(host_id: HostId, server_id: ServerId, flavor: Flavor) -> None:
        found[host_id][server_id] = found[host_id].get(server_id, Room()).at_least(flavor)

    for each in server_places.list_occupants(tx, host_ids):
        add(each.host_id, each.id, each.flavor)
    for move in moves.list_open_moves(tx, host_ids):
        for side in (move.source, move.target):
            add(side.host_id, move.server_id, side.flavor)
    leaving = departures.list_departures(tx, host_ids=host_ids)
    flavors = {row.id: row.flavor for row in servers.list_by_id(tx, [each.server_id for each in leaving])}
    for departure in leaving:
        add(departure.host_id, departure.server_id, flavors[departure.server_id])
    return found


def occupants_of(
    tx: Tx, rows: Iterable[HostRow], host_ids: Collection[HostId] | None = None
) -> dict[HostId, Occupants]:
    """What servers take of the hosts `rows`, with dedicated CPUs counted apart from shared vCPUs."""
    placed = occupants(tx, host_ids)
    keeping = [row.id for row in rows if row.resources is not None and row.resources.pcpus]
    return with_own_cpus(placed, cells.list_cells(tx, keeping)) if keeping else placed


def with_own_cpus(
    placed: dict[HostId, Occupants], lying: Mapping[tuple[ServerId, HostId], Iterable[UsedCell]]
) -> dict[HostId, Occupants]:
    """What servers take up, given where they lie: the vCPUs of one with CPUs of its own are none of the shared ones."""
    for (server_id, host_id), cells_ in lying.items():
        used = tuple(cells_)
        held = sum(len(cell.held) for cell in used)
        if held and server_id in placed.get(host_id, {}):
            placed[host_id][server_id] = placed[host_id][server_id].apart(held, sum(cell.shared_vcpus for cell in used))
    return placed


def total(rooms: Occupants) -> Room:
    """What servers take up together."""
    sum_ = Room()
    for room in rooms.values():
        sum_ = sum_.plus(room)
    return sum_
