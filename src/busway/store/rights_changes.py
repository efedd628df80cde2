"""Notes which transactions may change what a token's user may do, so that what a process remembers of it is forgotten.

It goes by the tables that a statement writes. Any table may matter but those that are known not to: one that is new does.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.selectable import SelectBase

from busway.store.together import WRITES

# Written with each server, report and request; no right follows from their rows.
OF_NO_RIGHTS = frozenset(
    {
        "audit", "claims", "conditions", "consoles", "departures", "devices", "disk_uploads", "events", "handovers",
        "host_questions", "hosts", "images", "ledger", "login_failures", "moves", "network_changes", "networks", "port_security_groups",
        "ports", "remote_consoles", "security_group_rules", "security_groups", "server_actions", "server_cells",
        "server_group_members", "server_groups", "server_passwords", "servers",
    }
)  # fmt: skip
_NOTED = "busway_rights_changed"
_HARMLESS = ("SELECT", "PRAGMA", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET ", "SHOW")


def watch_rights(engine: Engine) -> None:
    """Notes the statements of all connections of an engine."""
    event.listen(engine, "before_cursor_execute", _note)


def take_note(connection: Connection) -> bool:
    """True when a statement of the connection since the last time may have changed rights."""
    return bool(connection.info.pop(_NOTED, False))


def _note(connection: Connection, _cursor: object, statement: str, _given: object, context: Any, _many: bool) -> None:
    compiled = getattr(context, "compiled", None)
    written = getattr(compiled, "statement", None)
    if isinstance(written, UpdateBase):
        name = getattr(getattr(written, "table", None), "name", "")
        # A new token is known to nobody before.
        if name in OF_NO_RIGHTS or (name == "tokens" and written.is_insert):
            return
    elif (
        isinstance(written, SelectBase) or statement.lstrip().upper().startswith(_HARMLESS) or _writes_no_right(context)
    ):
        return
    connection.info[_NOTED] = True


def _writes_no_right(context: Any) -> bool:
    """True for a statement in text that says which tables it writes, none of which matters."""
    told = context.execution_options.get(WRITES) if context is not None else None
    return told is not None and set(told) <= OF_NO_RIGHTS
