"""Hosts: the hash of their token, the generation of their document, and their last report."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Integer,
    Row,
    String,
    Table,
    Text,
    bindparam,
    cast,
    func,
    insert,
    or_,
    select,
    update,
)

from busway.domain.documents import HostResources
from busway.domain.ids import HostId
from busway.store.database import Tx
from busway.store.filtered_list import equal
from busway.store.metadata import Big, Json, UtcTime, metadata
from busway.store.paging import SortKey, page_of

hosts = Table(
    "hosts",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),  # its id in the compute API below 2.53; never changes
    Column("name", String(255), nullable=False, unique=True),
    # The hash of the token with which its agent speaks, "" until it has joined, and of the one that it will use next.
    Column("token_hash", String(64), nullable=False, index=True),
    Column("next_token_hash", String(64), index=True),
    # What the signatures of its hand-overs are checked with.
    Column("handover_key", Text),
    Column("enabled", Boolean, nullable=False, default=True),
    Column("disabled_reason", Text),
    # Grows with each change of what the host must have; an agent asks for anything newer than it knows.
    Column("generation", Integer, nullable=False, default=0),
    # Grows with each change of the inventory; a placement decided on an older one does not commit.
    Column("revision", Integer, nullable=False, default=0),
    Column("sequence", Big, nullable=False, default=0),
    Column("boot_id", String(64), nullable=False, default=""),
    Column("seen", UtcTime),
    Column("resources", Json),
    Column("agent_version", String(64), nullable=False, default=""),
    Column("iommu", Boolean, nullable=False, default=False),
    Column("created", UtcTime, nullable=False),
)

_MANY = 200  # hosts asked for by their ids; for more of them all are read

_SWAP = (
    update(hosts)
    .where(hosts.c.id == bindparam("host"), hosts.c.generation == bindparam("was"), hosts.c.revision == bindparam("of"))
    .values(generation=hosts.c.generation + bindparam("steps"))
)


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host as stored; `seen` is when its agent last reported."""

    id: HostId
    number: int
    name: str
    token_hash: str
    enabled: bool
    disabled_reason: str | None
    generation: int
    revision: int
    sequence: int
    boot_id: str
    seen: datetime | None
    resources: HostResources | None
    agent_version: str
    iommu: bool
    created: datetime
    next_token_hash: str | None = None
    handover_key: str | None = None


_FIELDS = tuple(HostRow.__dataclass_fields__)
_RESOURCES = _FIELDS.index("resources")
_LISTED = select(*(cast(hosts.c[name], Text) if name == "resources" else hosts.c[name] for name in _FIELDS)).order_by(
    hosts.c.name
)


def insert_host(tx: Tx, host_id: HostId, name: str, token_hash: str, now: datetime) -> None:
    """Adds a host with a new name; the hash of its token is "" until its agent has joined."""
    next_number = select(func.coalesce(func.max(hosts.c.number), 0) + 1).scalar_subquery()
    tx.execute(insert(hosts).values(id=host_id, number=next_number, name=name, token_hash=token_hash, created=now))


def find_host(tx: Tx, name: str) -> HostRow | None:
    """Returns a host by name, or None."""
    return _host(tx.execute(select(hosts).where(hosts.c.name == name)).one_or_none())


def find_host_by_id(tx: Tx, host_id: HostId) -> HostRow | None:
    """Returns a host by id, or None."""
    return _host(tx.execute(select(hosts).where(hosts.c.id == host_id)).one_or_none())


def find_host_by_token(tx: Tx, token_hash: str) -> HostRow | None:
    """Returns the host whose present or next token has this hash, or None."""
    wanted = or_(hosts.c.token_hash == token_hash, hosts.c.next_token_hash == token_hash)
    return _host(tx.execute(select(hosts).where(wanted)).first())


def list_hosts(tx: Tx) -> list[HostRow]:
    """Lists all hosts by name; equal resources are decoded once."""
    known: dict[str | None, HostResources | None] = {None: None}
    found = []
    for row in tx.execute(_LISTED):
        written = row[_RESOURCES]
        if written not in known:
            known[written] = msgspec.json.decode(written, type=HostResources)
        values = list(row)
        values[_RESOURCES] = known[written]
        found.append(HostRow(*values))
    return found


@dataclass(frozen=True, slots=True)
class HostFilter:
    """A filter for hosts, listed by name; None matches everything. `name_part` is a substring of the name."""

    id: str | None = None
    number: int | None = None
    name: str | None = None
    name_part: str | None = None
    enabled: bool | None = None
    limit: int | None = None
    marker: str | None = None  # the id of the last host already seen


def list_page(tx: Tx, wanted: HostFilter) -> list[HostRow]:
    """Lists the hosts that match a filter; raises `BadInput` for an unknown marker."""
    statement = select(hosts).where(*equal(hosts, wanted, "id", "number", "name", "enabled"))
    if wanted.name_part:
        # What a replacement changes holds the part; LIKE tells upper from lower case on one database and not the other.
        statement = statement.where(func.replace(hosts.c.name, wanted.name_part, "") != hosts.c.name)
    marker = hosts.c.id == wanted.marker if wanted.marker is not None else None
    page = page_of(tx, statement, [SortKey(hosts.c.name)], marker=marker, limit=wanted.limit)
    return [_present(row) for row in tx.execute(page)]


def names_of(tx: Tx, host_ids: Iterable[HostId]) -> dict[HostId, str]:
    """Returns the names of hosts by id."""
    wanted = set(host_ids)
    if not wanted:
        return {}
    statement = select(hosts.c.id, hosts.c.name).where(hosts.c.id.in_(wanted))
    return {HostId(row.id): row.name for row in tx.execute(statement)}


def list_of(tx: Tx, host_ids: Iterable[HostId]) -> list[HostRow]:
    """Lists the hosts with these ids, by name."""
    wanted = set(host_ids)
    if len(wanted) > _MANY:
        return [host for host in list_hosts(tx) if host.id in wanted]
    rows = tx.execute(select(hosts).where(hosts.c.id.in_(wanted)).order_by(hosts.c.name)) if wanted else ()
    return [_present(row) for row in rows]


def list_by_name(tx: Tx, names: Iterable[str]) -> list[HostRow]:
    """Lists the hosts with these names, by name."""
    wanted = sorted(set(names))
    rows = tx.execute(select(hosts).where(hosts.c.name.in_(wanted)).order_by(hosts.c.name)) if wanted else ()
    return [_present(row) for row in rows]


@dataclass(frozen=True, slots=True)
class HostMark:
    """The numbers of a host that change whenever something of it changes."""

    token_hash: str
    generation: int
    sequence: int


def marks_of(tx: Tx, host_ids: Collection[HostId]) -> dict[HostId, HostMark]:
    """Returns the marks of these hosts, in one statement."""
    statement = select(hosts.c.id, hosts.c.token_hash, hosts.c.generation, hosts.c.sequence)
    if len(host_ids) <= _MANY:
        statement = statement.where(hosts.c.id.in_(host_ids))
    return {HostId(row.id): HostMark(row.token_hash, row.generation, row.sequence) for row in tx.execute(statement)}


def mark_seen(tx: Tx, seen: Mapping[HostId, tuple[int, datetime]]) -> None:
    """Records that hosts have repeated their last report: with which sequence, and when."""
    # UPDATE hosts SET sequence = ?, seen = ? WHERE id = ? AND sequence < ?, once for each
    statement = update(hosts).where(hosts.c.id == bindparam("host"), hosts.c.sequence < bindparam("last"))
    statement = statement.values(sequence=bindparam("last"), seen=bindparam("moment"))
    if seen:
        tx.execute(statement, [{"host": host, "last": last, "moment": at} for host, (last, at) in seen.items()])


def set_token(tx: Tx, host_id: HostId, token_hash: str) -> None:
    """Replaces the token of a host, "" for none; its next token ends too."""
    tx.execute(update(hosts).where(hosts.c.id == host_id).values(token_hash=token_hash, next_token_hash=None))


def set_next_token(tx: Tx, host_id: HostId, token_hash: str) -> None:
    """Stores the token that the agent will use next; the present one stays valid until then."""
    tx.execute(update(hosts).where(hosts.c.id == host_id).values(next_token_hash=token_hash))


def set_enabled(tx: Tx, host_id: HostId, enabled: bool, reason: str | None) -> None:
    """Enables or disables a host for new servers."""
    tx.execute(update(hosts).where(hosts.c.id == host_id).values(enabled=enabled, disabled_reason=reason))


def delete_host(tx: Tx, host_id: HostId) -> None:
    """Deletes a host."""
    tx.execute(hosts.delete().where(hosts.c.id == host_id))


def lock_hosts(tx: Tx, host_ids: Iterable[HostId]) -> None:
    """Locks hosts until the transaction ends, in order of their ids.

    Whoever changes several hosts does this first, which prevents deadlocks.
    """
    # SELECT id FROM hosts WHERE id IN (…) ORDER BY id FOR UPDATE
    wanted = sorted(set(host_ids))
    tx.execute(select(hosts.c.id).where(hosts.c.id.in_(wanted)).order_by(hosts.c.id).with_for_update()).all()


def bump_generation(tx: Tx, host_id: HostId) -> int:
    """Increases the generation of a host, because its document has changed; returns the new one."""
    statement = update(hosts).where(hosts.c.id == host_id).values(generation=hosts.c.generation + 1)
    return int(tx.execute(statement.returning(hosts.c.generation)).scalar_one())


class Swap(NamedTuple):
    """A compare-and-swap of a host: its generation grows by `steps` if generation and revision are still these."""

    host_id: HostId
    generation: int
    revision: int
    steps: int = 1


def swap_generation(tx: Tx, host_id: HostId, generation: int, revision: int, steps: int = 1) -> bool:
    """Compare-and-swap: increases the generation by `steps` unless generation or inventory changed since the snapshot."""
    return swap_generations(tx, [Swap(host_id, generation, revision, steps)])


def swap_generations(tx: Tx, swaps: Sequence[Swap]) -> bool:
    """Compare-and-swap of several hosts in one round trip; returns False if one has changed, and others are changed then: roll back.

    The hosts are locked in the order in which they are given: that of their ids, so that two who change several never
    wait for each other.
    """
    # UPDATE hosts SET generation = generation + steps WHERE id = ? AND generation = ? AND revision = ?, once for each
    given = [{"host": each.host_id, "was": each.generation, "of": each.revision, "steps": each.steps} for each in swaps]
    return not given or tx.execute(_SWAP, given).rowcount == len(given)


def bump_revision(tx: Tx, host_id: HostId) -> None:
    """Increases the revision of a host, because its inventory has changed."""
    tx.execute(update(hosts).where(hosts.c.id == host_id).values(revision=hosts.c.revision + 1))


def record_report(
    tx: Tx,
    host_id: HostId,
    *,
    sequence: int,
    boot_id: str,
    seen: datetime,
    resources: HostResources,
    agent_version: str,
    iommu: bool,
) -> bool:
    """Stores a report if it is newer than the last one; returns False if not."""
    statement = (
        update(hosts)
        .where(hosts.c.id == host_id, hosts.c.sequence < sequence)
        .values(
            sequence=sequence,
            boot_id=boot_id,
            seen=seen,
            resources=msgspec.to_builtins(resources),
            agent_version=agent_version,
            iommu=iommu,
        )
    )
    return tx.execute(statement).rowcount == 1


def _host(row: Row[tuple[object, ...]] | None) -> HostRow | None:
    return None if row is None else _present(row)


def _present(row: Row[tuple[object, ...]]) -> HostRow:
    values = dict(row._mapping)
    if values["resources"] is not None:
        values["resources"] = msgspec.convert(values["resources"], HostResources)
    return HostRow(**values)
