"""One turn of the placer: waiting servers against one snapshot, committed together by compare-and-swap."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from busway.control.context import Control
from busway.control.groups import placement_group
from busway.control.hosts.down import is_too_early
from busway.control.loops.items import Batch, apart
from busway.control.placement.neighbours import with_neighbours
from busway.control.placement.request import placement_request, server_words
from busway.control.placement.snapshot import take_snapshot
from busway.control.placement.turn import Turn
from busway.control.servers.fail import fail_unexpectedly, refuse
from busway.control.traces import asked_of, record_all
from busway.domain.errors import BuswayError
from busway.domain.guest_network import OVERLAY
from busway.domain.ids import GroupId, ServerId
from busway.domain.nic_request import OVERLAY_WISH, NicWish
from busway.domain.placement import PlacementRequest, Refusal, ServerGroup, Snapshot
from busway.domain.server import HostReason
from busway.scheduler.explain import details, explain, host_reasons
from busway.scheduler.index import index_of
from busway.scheduler.place import place_and_go_on
from busway.store import actions, groups, ports, server_places, servers
from busway.store.database import Tx, take_turn
from busway.store.servers import ServerRow

BATCH = 512  # more than can be asked for at once; a turn of so many takes tenths of a second


def place_round(control: Control) -> int:
    """One turn: places or refuses up to a batch of waiting servers; returns how many it decided.

    Raises `Raced` when a host changed meanwhile: nothing was decided then, and the next turn may.
    """
    with control.db.read() as tx:
        if not server_places.list_unplaced(tx, 1):
            return 0
    return apart(control, "placer", lambda batch: _place_batch(control, batch))


def _place_batch(control: Control, batch: Batch) -> int:
    turn, began = Turn(control), time.time_ns()
    with control.db.write() as tx:
        take_turn(tx, "place")
        together = _waiting(tx)
        grouped = groups.group_ids(tx, [row.id for rows in together for row in rows])
        asked = asked_of(control, tx, [row.id for rows in together for row in rows])
        nics = ports.nic_wishes(tx, [row.id for rows in together for row in rows])
        snapshot = take_snapshot(control, tx)
        deciding = _Deciding(control, tx, turn, batch, snapshot, grouped, nics, is_too_early(control, snapshot.hosts))
        for rows in together:
            deciding.decide(rows)
        with batch.rest():
            turn.commit(tx)
        control.crashpoint("place:before-commit")
    control.crashpoint("place:after-commit")
    deciding.count()
    record_all(control, "place", asked, began, deciding.outcomes)
    for host_id in turn.hosts:
        control.bell.ring(f"host:{host_id}")
    if any(OVERLAY_WISH in wishes for wishes in nics.values()):
        control.bell.ring(OVERLAY)
    return sum(len(rows) for rows in together) - deciding.left


@dataclass
class _Deciding:
    """The snapshot and the server groups as they are after what was decided so far."""

    control: Control
    tx: Tx
    turn: Turn
    batch: Batch
    snapshot: Snapshot
    grouped: dict[ServerId, GroupId]
    nics: dict[ServerId, tuple[NicWish, ...]]
    too_early: bool  # to refuse anything
    groups: dict[GroupId, ServerGroup] = field(default_factory=dict)
    placed: int = 0
    left: int = 0  # servers that wait for another turn, because it is too early to refuse them
    refused: Counter[str] = field(default_factory=Counter)  # servers by each rule that excluded a host
    outcomes: dict[ServerId, dict[str, str]] = field(default_factory=dict)  # how it ended, for traces

    def count(self) -> None:
        """Counts what was committed."""
        self.control.meters.count("busway_placements_total", by=self.placed)
        for rule, servers_refused in self.refused.items():
            self.control.meters.count("busway_placement_refusals_total", rule, by=servers_refused)

    def decide(self, rows: list[ServerRow]) -> None:
        """Places servers that were asked for together, all or none, or ends them in ERROR.

        Placements are written at the end of the turn, except while each item is treated alone.
        """

        def failed(error: Exception) -> None:
            self.turn.forget()
            self.groups.clear()
            for row in rows:
                fail_unexpectedly(self.tx, row, "place this server", error, self.control.now())

        with self.batch.item(self.tx, f"server {rows[0].id}", failed):
            found = self._place(rows)
            if self.batch.alone:
                self.turn.commit(self.tx)
            self.snapshot = found

    def _place(self, rows: list[ServerRow]) -> Snapshot:
        try:
            requests = [
                with_neighbours(
                    self.tx,
                    row,
                    self.turn.request(row, self._group(row), self.nics.get(row.id, ()), self._request),
                )
                for row in rows
            ]
        except BuswayError as error:
            self.refused["request"] += len(rows)
            return self._refuse(rows, error)
        answer = place_and_go_on(self.snapshot, requests, self.control.settings.policy)
        if isinstance(answer, Refusal):
            if self.too_early:
                self.left += len(rows)
                return self.snapshot
            self.refused.update(dict.fromkeys(answer.count_by_rule(), len(rows)))
            return self._refuse(rows, explain(answer), details(answer), host_reasons(answer))
        placements, snapshot = answer
        for row, request, placement in zip(rows, requests, placements, strict=True):
            self.turn.place(row, request, placement)
            self.outcomes[row.id] = {"busway.host_id": placement.host_id}
            if request.group is not None:
                host = snapshot.hosts[index_of(snapshot).place_of(placement.host_id)]
                self.groups[request.group.id] = self.groups[request.group.id].having(host.name)
        self.placed += len(rows)
        return snapshot

    def _refuse(
        self, rows: list[ServerRow], error: BuswayError, facts: str = "", hosts: tuple[HostReason, ...] = ()
    ) -> Snapshot:
        for row in rows:
            refuse(self.tx, row, error, self.control.now(), facts, hosts)
            self.outcomes[row.id] = {"error": str(error)}
        return self.snapshot

    def _group(self, row: ServerRow) -> ServerGroup | None:
        group_id = self.grouped.get(row.id)
        if group_id is None:
            return None
        if group_id not in self.groups and (group := placement_group(self.tx, row.id)) is not None:
            self.groups[group_id] = group
        return self.groups.get(group_id)

    def _request(self, row: ServerRow) -> PlacementRequest:
        properties, zone = server_words(self.tx, row), row.availability_zone or None
        return placement_request(
            self.control,
            self.tx,
            row.id,
            row.project_id,
            row.flavor,
            properties,
            row.wanted_host,
            zone,
            nics=self.nics.get(row.id, ()),
        )


def _waiting(tx: Tx) -> list[list[ServerRow]]:
    """The next servers to place, those of one request together and never without one of them.

    Requests that the batch cuts wait for another turn. If it cuts all of them, the oldest one is taken whole, however
    long another transaction keeps one of its servers.
    """
    rows = {row.id: row for row in server_places.list_unplaced(tx, BATCH, lock=True)}
    requests = actions.waiting_together(tx, list(rows))
    whole = [ids for ids in requests.values() if ids <= rows.keys()]
    if not whole and requests:
        oldest = min(requests.values(), key=lambda ids: min(rows[each].number for each in ids if each in rows))
        rows = {row.id: row for row in servers.list_by_id(tx, oldest, lock=True) if row.is_unplaced}
        whole = [frozenset(rows)]
    alone = rows.keys() - {each for ids in requests.values() for each in ids}  # their actions are forgotten
    taken = {each: number for number, ids in enumerate([*whole, *({each} for each in alone)]) for each in ids}
    found: dict[int, list[ServerRow]] = {}
    for row in rows.values():
        if row.id in taken:
            found.setdefault(taken[row.id], []).append(row)
    return list(found.values())
