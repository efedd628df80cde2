"""Questions to hosts for which somebody waits right now, and their answers; each ends with its wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, String, Table, Text, delete, func, insert, select, update

from busway.domain.ids import HostId, ServerId
from busway.domain.question import HostQuestion
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata

host_questions = Table(
    "host_questions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("host_id", String(36), nullable=False, index=True),
    Column("server_id", String(36), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("user", String(64), nullable=False, server_default=""),
    Column("secret", Text, nullable=False, server_default=""),  # sealed
    Column("asked", UtcTime, nullable=False),
    Column("answer", Text),
)


def add_question(tx: Tx, host_id: HostId, question: HostQuestion, now: datetime, forget_before: datetime) -> None:
    """Asks, with a sealed secret; questions of before `forget_before`, whose askers have died, are forgotten."""
    tx.execute(delete(host_questions).where(host_questions.c.asked < forget_before))
    row = {name: getattr(question, name) for name in ("id", "server_id", "kind", "user", "secret")}
    tx.execute(insert(host_questions).values(**row, host_id=host_id, asked=now))


def list_open(tx: Tx, host_id: HostId, since: datetime) -> tuple[HostQuestion, ...]:
    """What was asked of a host after `since` and is not answered, oldest first; secrets as they are stored."""
    column = host_questions.c
    chosen = (column.host_id == host_id) & (column.asked > since) & column.answer.is_(None)
    rows = tx.execute(select(host_questions).where(chosen).order_by(column.asked, column.id))
    return tuple(HostQuestion(row.id, ServerId(row.server_id), row.kind, row.user, row.secret) for row in rows)


def count_open(tx: Tx, since: datetime) -> dict[HostId, int]:
    """How many questions of after `since` are not answered, by host."""
    column = host_questions.c
    chosen = (column.asked > since) & column.answer.is_(None)
    statement = select(column.host_id, func.count()).where(chosen).group_by(column.host_id)
    return {HostId(host_id): count for host_id, count in tx.execute(statement)}


def put_answer(tx: Tx, host_id: HostId, question_id: str, answer: str) -> bool:
    """Answers a question of this host; False where nobody waits for it."""
    chosen = (host_questions.c.id == question_id) & (host_questions.c.host_id == host_id)
    return bool(tx.execute(update(host_questions).where(chosen).values(answer=answer)).rowcount)


def find_answer(tx: Tx, question_id: str) -> str | None:
    """The answer, None while there is none."""
    found: Sequence[str | None] = (
        tx.execute(select(host_questions.c.answer).where(host_questions.c.id == question_id)).scalars().all()
    )
    return found[0] if found else None


def end_question(tx: Tx, question_id: str) -> None:
    """Forgets a question: nobody waits any more."""
    tx.execute(delete(host_questions).where(host_questions.c.id == question_id))
