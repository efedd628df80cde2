"""The usage ledger: one entry per claim with exact times, written in the transaction of each transition of the claim.

An entry keeps what a bill needs after claim, server, device and host are deleted. Times are whole microseconds, so
that both databases sum them exactly. Nothing is sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    Index,
    Insert,
    Row,
    String,
    Table,
    Text,
    TypeDecorator,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from busway.domain.claim import ClaimState
from busway.store.database import Tx
from busway.store.devices import devices
from busway.store.hosts import hosts
from busway.store.metadata import metadata
from busway.store.servers import servers

if TYPE_CHECKING:
    from busway.store.claims import Claim

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


class Micros(TypeDecorator[datetime]):
    """A column type for a time: whole microseconds since 1970, which SQL subtracts exactly on both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        """Converts an aware datetime to microseconds."""
        return None if value is None else (value - _EPOCH) // _MICRO

    def process_result_value(self, value: int | None, _dialect: Dialect) -> datetime | None:
        """Converts microseconds to a datetime in UTC."""
        return None if value is None else _EPOCH + value * _MICRO


ledger = Table(
    "ledger",
    metadata,
    Column("id", String(36), primary_key=True),  # of the claim
    Column("server_id", String(36), nullable=False, index=True),
    Column("server_name", String(255), nullable=False),
    Column("flavor", String(255), nullable=False),
    Column("project_id", String(64), nullable=False, index=True),
    Column("user_id", String(64), nullable=False),
    Column("host_id", String(36), nullable=False, index=True),
    Column("host", String(255), nullable=False),
    Column("device_id", String(36), nullable=False, index=True),
    Column("address", String(64), nullable=False),
    Column("model", Text, nullable=False),
    Column("vendor_id", String(4), nullable=False),
    Column("product_id", String(4), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("unit", String(128), nullable=False),
    # None for a device that travels along with its card: nobody asked for it, and nobody pays for it.
    Column("alias", String(256)),
    Column("claimed", Micros, nullable=False),
    Column("allocated", Micros),
    Column("released", Micros),
    Column("freed", Micros),
    Index("ix_ledger_claimed", "claimed", "id"),
    Index("ix_ledger_freed", "freed"),
)

_COLUMNS = {ClaimState.ALLOCATED: "allocated", ClaimState.RELEASING: "released", ClaimState.FREED: "freed"}
# What usage can be added up by, alone or together, and the columns of each.
BY: dict[str, tuple[str, ...]] = {
    "project": ("project_id",),
    "user": ("project_id", "user_id"),
    "model": ("vendor_id", "product_id", "model"),
    "server": ("project_id", "user_id", "server_id", "server_name", "flavor"),
    "host": ("host",),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What one claim held, of whom and when.

    The device was reserved from `claimed` to `freed`. The server ran with it from `allocated` until it had to
    release it (`released`). A time is None until then.
    """

    id: str
    server_id: str
    server_name: str
    flavor: str
    project_id: str
    user_id: str
    host_id: str
    host: str
    device_id: str
    address: str
    model: str
    vendor_id: str
    product_id: str
    kind: str
    unit: str
    alias: str | None
    claimed: datetime
    allocated: datetime | None
    released: datetime | None
    freed: datetime | None


@dataclass(frozen=True, slots=True)
class Window:
    """A filter for entries that overlap the time from `start` (inclusive) to `end` (exclusive); of one project, or of all."""

    start: datetime
    end: datetime
    project_id: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """The usage of one group of entries within a window, in device-microseconds."""

    group: dict[str, str]
    entries: int
    allocated_us: int
    held_us: int


def open_entries(tx: Tx, made: Sequence[Claim]) -> None:
    """Adds an entry for each new claim, with the present names of its server, device and host; the claims must be written.

    INSERT INTO ledger (…) SELECT claims.id, servers.name, … FROM claims JOIN devices … WHERE claims.id IN (…)
    """
    times: dict[tuple[datetime, datetime | None], list[str]] = {}
    for claim in made:
        times.setdefault((claim.created, claim.allocated), []).append(claim.id)
    for (claimed, allocated), ids in times.items():
        tx.execute(_opened(), {"claim_ids": ids, "claimed": claimed, "allocated": allocated})


def note(tx: Tx, claim_ids: Sequence[str], state: ClaimState, now: datetime) -> None:
    """Records when claims reached a state. A claim that is freed without having been released is released at that time."""
    values: dict[str, Any] = {_COLUMNS[state]: now}
    if state is ClaimState.FREED:
        values["released"] = func.coalesce(ledger.c.released, literal(now, Micros()))
    tx.execute(update(ledger).where(ledger.c.id.in_(claim_ids)).values(**values))


def end_entries(tx: Tx, host_id: str, now: datetime) -> None:
    """Ends the open entries of a host that is deleted."""
    open_ids = select(ledger.c.id).where(ledger.c.host_id == host_id, ledger.c.freed.is_(None))
    note(tx, list(tx.execute(open_ids).scalars()), ClaimState.FREED, now)


def list_entries(tx: Tx, window: Window, *, limit: int, after: tuple[datetime, str] | None = None) -> list[Entry]:
    """Lists the entries of a window in the order of their claims; `after` is time and id of the last one of the page before."""
    statement = select(ledger).where(_touches(window)).order_by(ledger.c.claimed, ledger.c.id).limit(limit)
    if after is not None:
        moment, last = literal(after[0], Micros()), literal(after[1])
        statement = statement.where(tuple_(ledger.c.claimed, ledger.c.id) > tuple_(moment, last))
    return [_entry(row) for row in tx.execute(statement)]


def find_entry(tx: Tx, entry_id: str) -> Entry | None:
    """Returns the entry of a claim, or None."""
    row = tx.execute(select(ledger).where(ledger.c.id == entry_id)).one_or_none()
    return None if row is None else _entry(row)


def list_open(tx: Tx) -> list[Entry]:
    """Lists the entries whose devices are not freed."""
    return [_entry(row) for row in tx.execute(select(ledger).where(ledger.c.freed.is_(None)).order_by(ledger.c.id))]


def sum_usage(tx: Tx, window: Window, by: Sequence[str]) -> list[Line]:
    """Sums a window by some of `BY`, most used first; functions that come with another one of their card are left out.

    SELECT project_id, count(*), sum(…), sum(…) FROM ledger WHERE … GROUP BY project_id
    """
    names = list(dict.fromkeys(name for each in by for name in BY[each]))
    columns = [ledger.c[name] for name in names]
    held = func.sum(_within(window, ledger.c.claimed, ledger.c.freed))
    allocated = func.sum(_within(window, ledger.c.allocated, ledger.c.released))
    statement = select(*columns, func.count(), allocated, held).where(_touches(window), ledger.c.alias.is_not(None))
    lines = []
    for row in tx.execute(statement.group_by(*columns)):
        *group, entries, used, kept = row
        lines.append(Line(dict(zip(names, map(str, group), strict=True)), entries, int(used or 0), int(kept or 0)))
    return sorted(lines, key=lambda line: (-line.allocated_us, -line.held_us, *line.group.values()))


def _touches(window: Window) -> ColumnElement[bool]:
    over = or_(ledger.c.freed.is_(None), ledger.c.freed > window.start)
    within = and_(ledger.c.claimed < window.end, over)
    return within if window.project_id is None else and_(within, ledger.c.project_id == window.project_id)


def _within(window: Window, since: Column[datetime], until: Column[datetime]) -> ColumnElement[int]:
    """Returns the SQL for the microseconds of an interval that lie in a window; 0 if it has not begun."""
    start, end = literal(window.start, Micros()), literal(window.end, Micros())
    first = case((since > start, since), else_=start)
    last = case((until < end, until), else_=end)
    whole = last.cast(BigInteger) - first.cast(BigInteger)
    return case((and_(since.is_not(None), last > first), whole), else_=0)


@cache
def _opened() -> Insert:
    """Returns the statement that copies what a bill needs of claims, within the database; a server that is not there has no names."""
    claims = metadata.tables["claims"]  # whose module writes entries with its claims
    values: dict[str, ColumnElement[Any]] = {
        **{name: claims.c[name] for name in ("id", "server_id", "host_id", "device_id", "kind", "unit", "alias")},
        "server_name": func.coalesce(servers.c.name, ""),
        "flavor": func.coalesce(servers.c.flavor["name"].as_string(), ""),
        "project_id": func.coalesce(servers.c.project_id, ""),
        "user_id": func.coalesce(servers.c.user_id, ""),
        "host": hosts.c.name,
        "address": devices.c.address,
        "model": devices.c.product_name,
        "vendor_id": devices.c.vendor_id,
        "product_id": devices.c.product_id,
        "claimed": bindparam("claimed", type_=Micros()),
        "allocated": bindparam("allocated", type_=Micros()),
    }
    of_device = claims.join(devices, devices.c.id == claims.c.device_id).join(hosts, hosts.c.id == devices.c.host_id)
    found = of_device.outerjoin(servers, servers.c.id == claims.c.server_id)
    rows = select(*values.values()).select_from(found)
    return insert(ledger).from_select(list(values), rows.where(claims.c.id.in_(bindparam("claim_ids", expanding=True))))


def _entry(row: Row[Any]) -> Entry:
    return Entry(**row._mapping)
