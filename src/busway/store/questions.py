"""Questions to hosts that a request waits for right now, and their answers; a row lives as long as the request waits."""

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
    """Adds a question with an encrypted secret; deletes those older than `forget_before`, whose requests have ended."""
    tx.execute(delete(host_questions).where(host_questions.c.asked < forget_before))
    row = {name: getattr(question, name) for name in ("id", "server_id", "kind", "user", "secret")}
    tx.execute(insert(host_questions).values(**row, host_id=host_id, asked=now))


def list_open(tx: Tx, host_id: HostId, since: datetime) -> tuple[HostQuestion, ...]:
    """Lists the unanswered questions to a host since `since`, oldest first, with encrypted secrets."""
    column = host_questions.c
    chosen = (column.host_id == host_id) & (column.asked > since) & column.answer.is_(None)
    rows = tx.execute(select(host_questions).where(chosen).order_by(column.asked, column.id))
    return tuple(HostQuestion(row.id, ServerId(row.server_id), row.kind, row.user, row.secret) for row in rows)


def count_open(tx: Tx, since: datetime) -> dict[HostId, int]:
    """Returns the number of unanswered questions since `since`, by host."""
    column = host_questions.c
    chosen = (column.asked > since) & column.answer.is_(None)
    statement = select(column.host_id, func.count()).where(chosen).group_by(column.host_id)
    return {HostId(host_id): count for host_id, count in tx.execute(statement)}


def put_answer(tx: Tx, host_id: HostId, question_id: str, answer: str) -> bool:
    """Stores the answer to a question of this host; returns False if nobody waits for it."""
    chosen = (host_questions.c.id == question_id) & (host_questions.c.host_id == host_id)
    return bool(tx.execute(update(host_questions).where(chosen).values(answer=answer)).rowcount)


def find_answer(tx: Tx, question_id: str) -> str | None:
    """Returns the answer, or None if there is none yet."""
    found: Sequence[str | None] = (
        tx.execute(select(host_questions.c.answer).where(host_questions.c.id == question_id)).scalars().all()
    )
    return found[0] if found else None


def end_question(tx: Tx, question_id: str) -> None:
    """Deletes a question: nobody waits for it any more."""
    tx.execute(delete(host_questions).where(host_questions.c.id == question_id))
