"""The NUMA cells of a server on its host."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.servers.access import server_row
from busway.domain.caller import Caller
from busway.store import cells
from busway.store.cells import UsedCell


def get_cells(control: Control, caller: Caller, server_id: str) -> tuple[UsedCell, ...]:
    """Returns the cells of a server that the caller may see, in the guest's order; none for one without any or without a host.

    Raises `NotFound`.
    """
    with control.db.read() as tx:
        row = server_row(tx, caller, server_id)
        return cells.find_cells(tx, row.id, row.host_id) if row.host_id is not None else ()
