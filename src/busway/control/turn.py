"""What a turn of the placer has decided, written down at its end in a few statements, however many servers there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from datetime import datetime

from busway.control.context import Control
from busway.domain.claim import ClaimState
from busway.domain.errors import Conflict
from busway.domain.ids import ClaimId, HostId
from busway.domain.placement import Placement, PlacementRequest
from busway.domain.server import TaskState
from busway.store import claims, events, hosts, servers
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.events import Event
from busway.store.servers import ServerRow


@dataclass
class Turn:
    """Placements in the order in which they were decided, each on what those before it have left."""

    control: Control
    _placed: list[tuple[ServerRow, Placement]] = field(default_factory=list)
    _requests: dict[Hashable, PlacementRequest] = field(default_factory=dict)

    def request(self, row: ServerRow, read: Callable[[ServerRow], PlacementRequest]) -> PlacementRequest:
        """What a server asks for; `read` is called once for servers that ask for the same."""
        key = (repr(row.flavor), row.image_id, row.wanted_host, row.availability_zone)
        if key not in self._requests:
            self._requests[key] = read(row)
        return replace(self._requests[key], server_id=row.id)

    def place(self, row: ServerRow, placement: Placement) -> None:
        """Remembers a placement until the end of the turn."""
        self._placed.append((row, placement))

    @property
    def hosts(self) -> set[HostId]:
        """The hosts whose documents change."""
        return {placement.host_id for _, placement in self._placed}

    def commit(self, tx: Tx) -> None:
        """Writes claims, servers and events; raises `Conflict` when a host has changed since the snapshot."""
        if not self._placed:
            return
        now = self.control.now()
        self._swap_generations(tx)
        servers.update_placed(
            tx, [(row.id, placement.host_id) for row, placement in self._placed], TaskState.SPAWNING, now
        )
        made = self._claims(now)
        claims.insert_claims(tx, made)
        events.add_events(tx, [_event(claim) for claim in made])

    def _swap_generations(self, tx: Tx) -> None:
        """Compare-and-swap of each host once, by as many generations as it was given servers.

        In the order of their ids, so that two who change several hosts never wait for each other.
        """
        first: dict[HostId, Placement] = {}
        for _, placement in self._placed:
            first.setdefault(placement.host_id, placement)
        counts = Counter(placement.host_id for _, placement in self._placed)
        for host_id, placement in sorted(first.items()):
            if not hosts.swap_generation(tx, host_id, placement.generation, placement.revision, counts[host_id]):
                raise Conflict("The host changed while a server was being placed", code="placement-raced")

    def _claims(self, now: datetime) -> list[Claim]:
        return [
            Claim(
                ClaimId(self.control.new_id()),
                device.device_id,
                placement.host_id,
                row.id,
                device.alias,
                ClaimState.CLAIMED,
                now,
                now,
            )
            for row, placement in self._placed
            for device in placement.devices
        ]


def _event(claim: Claim) -> Event:
    why = f"placed for alias {claim.alias}" if claim.alias else "travels with its card"
    return Event(claim.created, "device", "available", "claimed", why, claim.host_id, claim.device_id, claim.server_id)
