"""The NUMA cells of its host that each server uses, and how much of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, String, Table, delete, insert, select

from busway.domain.dedicated_cpus import SHARED
from busway.domain.ids import HostId, ServerId
from busway.store.database import Tx
from busway.store.metadata import Json, metadata

server_cells = Table(
    "server_cells",
    metadata,
    # A server that moves lies on two hosts until it has left the old one.
    Column("server_id", String(36), primary_key=True),
    Column("host_id", String(36), primary_key=True),
    Column("cells", Json, nullable=False),
)


@dataclass(frozen=True, slots=True)
class UsedCell:
    """How much of one NUMA cell of its host a server uses.

    `pins` are the CPUs of its vCPUs, in order, and `held` all CPUs that no other server gets; both are empty if it
    shares CPUs. A vCPU that shares CPUs beside others that do not has the pin `SHARED`. `emulator` are the CPUs of QEMU's own
    threads alone.
    """

    cell: int
    vcpus: int
    ram_mb: int
    pins: tuple[int, ...] = ()
    held: tuple[int, ...] = ()
    emulator: tuple[int, ...] = ()

    @property
    def shared_vcpus(self) -> int:
        """Its vCPUs that run on the CPUs which servers share."""
        return self.pins.count(SHARED) if self.pins else self.vcpus


def put_cells(tx: Tx, server_id: ServerId, host_id: HostId, cells: tuple[UsedCell, ...]) -> None:
    """Stores the cells of a placement; the i-th entry is for the i-th cell of the guest."""
    forget_cells(tx, server_id, host_id)
    if cells:
        rows = [_row(each) for each in cells]
        tx.execute(insert(server_cells).values(server_id=server_id, host_id=host_id, cells=rows))


def list_cells(
    tx: Tx, host_ids: Collection[HostId] | None = None
) -> dict[tuple[ServerId, HostId], tuple[UsedCell, ...]]:
    """Returns the cells of all placements, or of those on some hosts."""
    wanted = select(server_cells)
    if host_ids is not None:
        wanted = wanted.where(server_cells.c.host_id.in_(host_ids))
    return {(ServerId(row.server_id), HostId(row.host_id)): _used(row.cells) for row in tx.execute(wanted)}


def find_cells(tx: Tx, server_id: ServerId, host_id: HostId) -> tuple[UsedCell, ...]:
    """Returns the cells of one placement; empty for a guest without NUMA cells."""
    column = server_cells.c
    found = tx.execute(select(column.cells).where(column.server_id == server_id, column.host_id == host_id)).scalar()
    return _used(found or ())


def forget_cells(tx: Tx, server_id: ServerId, host_id: HostId) -> None:
    """Deletes the cells of a placement."""
    tx.execute(delete(server_cells).where(server_cells.c.server_id == server_id, server_cells.c.host_id == host_id))


def _row(cell: UsedCell) -> list[Any]:
    own = [cell.pins, cell.held, *([cell.emulator] if cell.emulator else [])] if cell.pins else []
    return [cell.cell, cell.vcpus, cell.ram_mb, *own]


def _used(rows: Iterable[Sequence[Any]]) -> tuple[UsedCell, ...]:
    """Reads the cells of a row; an earlier release has written three numbers for each."""
    return tuple(UsedCell(*each[:3], *map(tuple, each[3:])) for each in rows)
