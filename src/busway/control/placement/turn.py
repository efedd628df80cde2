"""What a turn of the placer has decided, written down at its end in a few statements, however many servers there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from busway.control.context import Control
from busway.domain.claim import ClaimState
from busway.domain.dedicated_cpus import GuestCpus
from busway.domain.errors import Raced
from busway.domain.guest_ports import assign_ports
from busway.domain.ids import ClaimId, HostId, ServerId
from busway.domain.nic_request import NicWish
from busway.domain.placement import ClaimedDevice, Placement, PlacementRequest, ServerGroup
from busway.domain.server import TaskState
from busway.domain.units import KINDS, WHOLE_KINDS, NicFunction
from busway.store import cells, claims, events, hosts, server_places
from busway.store.cells import UsedCell
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.events import Event
from busway.store.hosts import Swap
from busway.store.servers import ServerRow


@dataclass(frozen=True, slots=True)
class _Placed:
    row: ServerRow
    request: PlacementRequest
    placement: Placement


@dataclass
class Turn:
    """Placements in the order in which they were decided, each on what those before it have left."""

    control: Control
    hosts: set[HostId] = field(default_factory=set)  # whose documents change
    _placed: list[_Placed] = field(default_factory=list)
    _requests: dict[Hashable, PlacementRequest] = field(default_factory=dict)

    def request(
        self,
        row: ServerRow,
        group: ServerGroup | None,
        nics: tuple[NicWish, ...],
        read: Callable[[ServerRow], PlacementRequest],
    ) -> PlacementRequest:
        """What a server with these SR-IOV ports asks for; `read` is called once for servers that ask for the same, groups, projects and hints aside."""
        key = (repr(row.flavor), row.image_id, row.wanted_host, row.availability_zone, nics)
        if key not in self._requests:
            self._requests[key] = read(row)
        return replace(self._requests[key], server_id=row.id, project=row.project_id, group=group)

    def place(self, row: ServerRow, request: PlacementRequest, placement: Placement) -> None:
        """Remembers a placement until it is committed."""
        self._placed.append(_Placed(row, request, placement))
        self.hosts.add(placement.host_id)

    def forget(self) -> None:
        """Leaves out what was not committed."""
        self._placed.clear()

    def commit(self, tx: Tx) -> None:
        """Writes claims, servers, cells and events; raises `Raced` when a host has changed since the snapshot."""
        if not self._placed:
            return
        now = self.control.now()
        self._swap_generations(tx)
        where = [(each.row.id, each.placement.host_id, each.placement.generation + 1) for each in self._placed]
        server_places.update_placed(tx, where, TaskState.SPAWNING, now)
        for each in self._placed:
            lay_cells(tx, each.request, each.placement)
        write_claims(tx, [claim for each in self._placed for claim in self._claims(each, now)])
        self._placed.clear()

    def _swap_generations(self, tx: Tx) -> None:
        """Compare-and-swap of each host once, by as many generations as it was given servers.

        In the order of their ids, so that two who change several hosts never wait for each other.
        """
        first: dict[HostId, Placement] = {}
        for each in self._placed:
            first.setdefault(each.placement.host_id, each.placement)
        counts = Counter(each.placement.host_id for each in self._placed)
        swaps = [
            Swap(host_id, placement.generation, placement.revision, counts[host_id])
            for host_id, placement in sorted(first.items())
        ]
        if not hosts.swap_generations(tx, swaps):
            raise Raced("The host changed while a server was being placed")

    def _claims(self, each: _Placed, now: datetime) -> list[Claim]:
        return new_claims(self.control, each.row.id, each.placement.host_id, each.placement.devices, now)


def new_claims(
    control: Control,
    server_id: ServerId,
    host_id: HostId,
    devices: Iterable[ClaimedDevice],
    now: datetime,
    kept: Mapping[str, int] = MappingProxyType({}),
    taken: Collection[int] = (),
) -> list[Claim]:
    """Claims on devices of a host for a server, not yet written; what no domain names gets no port.

    `kept` are the ports of cards that the server has already, `taken` those that it has for anything there.
    """
    wanted = list(devices)
    attached = [device.card or device.device_id for device in wanted if KINDS[device.kind].is_attached]
    ports = iter(assign_ports(attached, kept, taken))
    return [
        Claim(
            ClaimId(control.new_id()),
            device.device_id,
            host_id,
            server_id,
            device.alias,
            ClaimState.CLAIMED,
            0,
            now,
            now,
            device.kind,
            device.unit,
            next(ports) if KINDS[device.kind].is_attached else None,
        )
        for device in wanted
    ]


def write_claims(tx: Tx, made: list[Claim]) -> None:
    """Writes new claims, each with its event; the unique index refuses one on a device that has an owner."""
    claims.insert_claims(tx, made)
    events.add_events(tx, [_event(claim) for claim in made])


def lay_cells(tx: Tx, request: PlacementRequest, placement: Placement) -> None:
    """Remembers on which NUMA cells of its host each cell of a guest lies; nothing for a guest without any."""
    if not placement.cells:
        return
    own = placement.cpus or (GuestCpus((), ()),) * len(placement.cells)
    lying = zip(placement.cells, request.cells, own, strict=False)
    taken = tuple(
        UsedCell(cell, guest.vcpus, guest.ram_mb, cpus.pins, cpus.held, cpus.emulator) for cell, guest, cpus in lying
    )
    cells.put_cells(tx, request.server_id, placement.host_id, taken)


def _event(claim: Claim) -> Event:
    named = claim.alias if claim.kind == NicFunction.kind else f"alias {claim.alias}"
    why = f"placed for {named}" if claim.alias else "travels with its card"
    if claim.kind not in WHOLE_KINDS:
        why = f"placed for {claim.alias}: {claim.unit}"
    return Event(claim.created, "device", "available", "claimed", why, claim.host_id, claim.device_id, claim.server_id)
