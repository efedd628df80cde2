"""Who did what: the records, for those whom the rules let read them."""

from __future__ import annotations

from busway.control.context import Control
from busway.domain.caller import Caller
from busway.policy import authorize
from busway.store import audit as store
from busway.store.audit import AuditFilter, Record


def list_records(control: Control, caller: Caller, wanted: AuditFilter) -> list[Record]:
    """The records that a filter lets through, newest first."""
    authorize(caller, "busway:audit:list")
    with control.db.read() as tx:
        return store.list_records(tx, wanted)
