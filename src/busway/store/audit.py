"""The audit log: one record for each request that changes something, written in the same transaction as the change.

`acting(act)` marks a block of code as the work of one request. The first transaction that commits inside the block
writes the record (`Database.write` calls `write_down`), so that there is no change without a record and no record
of a change without it. Nothing here changes actor or effect of a record; only the retention deletes records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    Row,
    String,
    Table,
    Text,
    event,
    insert,
    select,
    update,
)

from busway.store.metadata import UtcTime, metadata
from busway.store.together import WRITES, kept, put

SUCCESS, DENIED, FAILED = "success", "denied", "failed"
_TARGET_CHARS = 1000

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False, index=True),
    Column("request_id", String(64), nullable=False, index=True),
    Column("operation", String(128), nullable=False),
    Column("method", String(16), nullable=False),
    Column("target", Text, nullable=False),
    Column("user_id", String(64), nullable=False, index=True),
    Column("user_name", String(255), nullable=False),
    Column("project_id", String(64), nullable=False, index=True),
    Column("credential_id", String(32)),
    Column("address", String(64), nullable=False),
    Column("result", String(16), nullable=False),
    Column("reason", String(128), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Record:
    """One record: at what time, which operation, on what, by whom and from where, and with which result.

    `operation` is the name of its rule of rights, `target` the path of the resource below its service ("servers/4f…"),
    `reason` the code of the error where the result is not "success".
    """

    at: datetime
    request_id: str
    operation: str
    method: str
    target: str
    user_id: str = ""
    user_name: str = ""
    project_id: str = ""
    credential_id: str | None = None
    address: str = ""
    result: str = SUCCESS
    reason: str = ""
    id: int = 0


@dataclass
class Act:
    """The request in progress: its record as far as it is known, and whether it has been written.

    `table` is the table whose new rows are the targets of a request that creates something.
    """

    record: Record
    table: str = ""
    is_login: bool = False
    is_written: bool = False
    made: list[str] = field(default_factory=list)

    def done(self) -> Record:
        """Returns the record completed with the created rows."""
        target = self.record.target
        if self.made:
            target = f"{target}/{','.join(self.made)}"
        return replace(self.record, target=target[:_TARGET_CHARS])


_acting: ContextVar[Act | None] = ContextVar("busway_act", default=None)


@contextmanager
def acting(act: Act | None) -> Iterator[Act | None]:
    """Marks the block as the work of an act, for this thread."""
    token = _acting.set(act)
    try:
        yield act
    finally:
        _acting.reset(token)


def name_actor(user_id: str, user_name: str, project_id: str, credential_id: str | None = None) -> None:
    """Sets the actor of this thread's act, once it is authenticated."""
    act = _acting.get()
    if act is not None:
        act.record = replace(
            act.record,
            user_id=user_id,
            user_name=user_name[:255],
            project_id=project_id,
            credential_id=credential_id,
        )


def write_down(tx: Connection) -> Act | None:
    """Writes the record of this thread's act unless it is written; the caller marks it as written after the commit."""
    act = _acting.get()
    if act is None or act.is_written:
        return None
    for name, rows in kept(tx).items():
        note_made(name, rows)
    put(tx, audit, [_row(act.done())])
    return act


def watch_inserts(engine: Engine) -> None:
    """Notes the rows that statements of this engine insert, as targets of the acts."""
    event.listen(engine, "before_cursor_execute", _note_made)


def note_made(table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Notes rows that this thread's act has created."""
    act = _acting.get()
    if act is None or table != act.table or act.is_written:
        return
    made = (row.get("id") or row.get("uuid") or row.get("name") for row in rows)
    act.made += [str(each) for each in made if each]


def add_record(tx: Connection, record: Record) -> None:
    """Adds one record."""
    tx.execute(insert(audit).values(_row(record)))


def _row(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _NAMES}


def deny(tx: Connection, act: Act, reason: str) -> None:
    """Records that a request was refused; there is no change to record it with."""
    _without_effect(tx, act, DENIED, reason)


def fail(tx: Connection, act: Act, reason: str) -> None:
    """Records that a request failed before it changed anything."""
    _without_effect(tx, act, FAILED, reason)


def _without_effect(tx: Connection, act: Act, result: str, reason: str) -> None:
    add_record(tx, replace(act.record, target=act.record.target[:_TARGET_CHARS], result=result, reason=reason[:128]))


def mark_failed(tx: Connection, request_id: str, reason: str) -> None:
    """Records that a request that has changed something ended with an error."""
    found = audit.c.request_id == request_id
    tx.execute(update(audit).where(found).values(result=FAILED, reason=reason[:128]))


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """A filter for records by their fields; `before` is the id of a record, for the next page."""

    user_id: str | None = None
    project_id: str | None = None
    operation: str | None = None
    result: str | None = None
    request_id: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    limit: int = 100


def list_records(tx: Connection, wanted: AuditFilter) -> list[Record]:
    """Lists records, newest first."""
    statement = select(audit).order_by(audit.c.id.desc()).limit(wanted.limit)
    for name in ("user_id", "project_id", "operation", "result", "request_id"):
        if (value := getattr(wanted, name)) is not None:
            statement = statement.where(audit.c[name] == value)
    if wanted.target is not None:
        statement = statement.where(audit.c.target.contains(wanted.target, autoescape=True))
    if wanted.since is not None:
        statement = statement.where(audit.c.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(audit.c.at < wanted.until)
    if wanted.before is not None:
        statement = statement.where(audit.c.id < wanted.before)
    return [_record(row) for row in tx.execute(statement)]


_NAMES = [name for name in Record.__dataclass_fields__ if name != "id"]


def _record(row: Row[Any]) -> Record:
    return Record(**row._mapping)


def _note_made(
    _connection: Connection, _cursor: object, _statement: str, _parameters: object, context: Any, _many: bool
) -> None:
    table = getattr(context.compiled.statement, "table", None) if context.isinsert else None
    if table is not None:
        note_made(table.name, context.compiled_parameters)
    for name, rows in context.execution_options.get(WRITES, {}).items():
        note_made(name, rows)
