"""On which NUMA cells of its host a server lies, and how much of each it takes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, String, Table, delete, insert, select

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
    """What a server takes of one cell of its host."""

    cell: int
    vcpus: int
    ram_mb: int


def put_cells(tx: Tx, server_id: ServerId, host_id: HostId, cells: tuple[UsedCell, ...]) -> None:
    """Remembers the cells of a placement; the i-th is that of the guest's i-th cell."""
    forget_cells(tx, server_id, host_id)
    if cells:
        rows = [[each.cell, each.vcpus, each.ram_mb] for each in cells]
        tx.execute(insert(server_cells).values(server_id=server_id, host_id=host_id, cells=rows))


def list_cells(tx: Tx) -> dict[tuple[ServerId, HostId], tuple[UsedCell, ...]]:
    """The cells of all placements."""
    return {
        (ServerId(row.server_id), HostId(row.host_id)): tuple(UsedCell(*each) for each in row.cells)
        for row in tx.execute(select(server_cells))
    }


def find_cells(tx: Tx, server_id: ServerId, host_id: HostId) -> tuple[UsedCell, ...]:
    """The cells of one placement, none for a guest without any."""
    column = server_cells.c
    found = tx.execute(select(column.cells).where(column.server_id == server_id, column.host_id == host_id)).scalar()
    return tuple(UsedCell(*each) for each in found or ())


def forget_cells(tx: Tx, server_id: ServerId, host_id: HostId) -> None:
    """Forgets a placement's cells: nothing of the server is left on the host."""
    tx.execute(delete(server_cells).where(server_cells.c.server_id == server_id, server_cells.c.host_id == host_id))
