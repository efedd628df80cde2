"""Detects transactions that may change somebody's rights, so that caches of tokens can be emptied.

It looks at the tables that a statement writes. Every table counts except those in `OF_NO_RIGHTS`; a new table
counts.
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
        "audit", "claims", "conditions", "consoles", "departures", "devices", "disk_uploads", "events", "floating_ips", "handovers",
        "host_questions", "hosts", "images", "ledger", "login_failures", "moves", "network_changes", "networks", "port_security_groups",
        "ports", "remote_consoles", "routers", "security_group_rules", "security_groups", "server_actions", "server_cells",
        "server_group_members", "server_groups", "server_passwords", "servers", "trunk_subports", "trunks",
    }
)  # fmt: skip
_NOTED = "busway_rights_changed"
_HARMLESS = ("SELECT", "PRAGMA", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET ", "SHOW")


def watch_rights(engine: Engine) -> None:
    """Watches the statements of all connections of an engine."""
    event.listen(engine, "before_cursor_execute", _note)


def take_note(connection: Connection) -> bool:
    """Returns True if a statement of the connection since the last call may have changed rights."""
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
    """Returns True for a textual statement that declares the tables it writes, all of them in `OF_NO_RIGHTS`."""
    tables = context.execution_options.get(WRITES) if context is not None else None
    return tables is not None and set(tables) <= OF_NO_RIGHTS
