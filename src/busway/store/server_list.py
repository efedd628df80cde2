"""Lists of servers: filters, order and page are in the statement, so that a page costs as much as it has rows.

Filters that SQL can't express (regular expressions beyond literals and dots, IPv6 addresses, which are derived from
MACs) are compared in Python, in batches of rows, until the page is full.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Select, and_, case, exists, or_, select, true

from busway.domain.aggregate import ZONE_KEY
from busway.domain.errors import BadInput
from busway.domain.ids import HostId, ServerId
from busway.domain.placement import ZONE
from busway.domain.requests import ServerFilter
from busway.domain.server import ServerStatus
from busway.store.aggregates import aggregate_hosts, aggregates
from busway.store.database import Tx
from busway.store.hosts import hosts
from busway.store.json_list import holds
from busway.store.paging import SortKey, in_seconds, narrowed, page_of
from busway.store.ports import further_addresses, ports
from busway.store.server_addresses import server_addresses
from busway.store.servers import READ, Intent, ServerRow, server_of, servers

_BATCH = 500
_TEXTS = {"name": servers.c.name, "hostname": servers.c.hostname, "description": servers.c.description}
_NEWEST = SortKey(servers.c.number, descending=True)
_HOST_NAME = select(hosts.c.name).where(hosts.c.id == servers.c.host_id).scalar_subquery()

# Nova's sort keys, and those that Busway has a column for; by the others all servers are alike.
SERVER_SORT_KEYS: dict[str, SortKey | None] = {
    "access_ip_v4": SortKey(servers.c.access_ipv4, nullable=True),
    "access_ip_v6": SortKey(servers.c.access_ipv6, nullable=True),
    "auto_disk_config": SortKey(servers.c.disk_config),
    "availability_zone": SortKey(servers.c.availability_zone),
    "config_drive": SortKey(case((servers.c.config_drive, 1), else_=0)),
    "created_at": SortKey(servers.c.created),
    "display_description": SortKey(servers.c.description, nullable=True),
    "display_name": SortKey(servers.c.name),
    "host": SortKey(_HOST_NAME, nullable=True),
    "hostname": SortKey(servers.c.hostname),
    "image_ref": SortKey(servers.c.image_id),
    "instance_type_id": SortKey(servers.c.flavor_id),
    "key_name": SortKey(servers.c.key_name, nullable=True),
    "launch_index": SortKey(servers.c.launch_index),
    "launched_at": SortKey(servers.c.launched, nullable=True),
    "locked": SortKey(case((servers.c.locked_by.is_(None), 0), else_=1)),
    "node": SortKey(_HOST_NAME, nullable=True),
    "power_state": SortKey(servers.c.power, nullable=True),
    "project_id": SortKey(servers.c.project_id),
    "task_state": SortKey(servers.c.task_state, nullable=True),
    "terminated_at": SortKey(servers.c.terminated, nullable=True),
    "updated_at": SortKey(servers.c.updated),
    "user_id": SortKey(servers.c.user_id),
    "uuid": SortKey(servers.c.id),
    "vm_state": SortKey(servers.c.status),
    **dict.fromkeys(("kernel_id", "progress", "ramdisk_id", "root_device_name")),
}


class Pattern(Protocol):
    """A compiled regular expression."""

    def search(self, text: str) -> object | None:
        """Returns something true if the pattern matches anywhere in the text."""


Compile = Callable[[str, str], Pattern]


def list_page(tx: Tx, wanted: ServerFilter, compile_: Compile) -> list[ServerRow]:
    """Lists the servers that match a filter; `compile_` compiles a pattern, given its text and the name of its field."""
    if wanted.nothing:
        return []
    statement, left = _filtered(tx, wanted)
    checks = {name: compile_(wanted.patterns[name], name) for name in left}
    keys = [*(_descending(key, down) for name, down in wanted.sort if (key := SERVER_SORT_KEYS[name])), _NEWEST]
    marker = wanted.marker
    if marker is not None:
        _check_marker(tx, wanted, marker)
    found: list[ServerRow] = []
    size = wanted.limit if not checks else _BATCH
    while wanted.limit is None or len(found) < wanted.limit:
        page = page_of(tx, statement, keys, marker=servers.c.id == marker if marker else None, limit=size)
        rows = [server_of(row) for row in tx.execute(page)]
        found += _matching(tx, rows, checks) if checks else rows
        if size is None or len(rows) < size:
            break
        marker = rows[-1].id
    return found[: wanted.limit]


def list_numbers_on(tx: Tx, host_ids: Collection[HostId]) -> list[tuple[HostId, ServerId, int]]:
    """Lists host, id and number of each server that uses resources of these hosts, oldest first."""
    statement = select(servers.c.host_id, servers.c.id, servers.c.number).where(
        servers.c.host_id.in_(host_ids), servers.c.intent != str(Intent.GONE)
    )
    return [(row.host_id, row.id, row.number) for row in tx.execute(statement.order_by(servers.c.number))]


def _descending(key: SortKey, down: bool) -> SortKey:
    return SortKey(key.column, down, key.nullable)


def _check_marker(tx: Tx, wanted: ServerFilter, marker: str) -> None:
    """Raises `BadInput` for a marker that does not exist or belongs to another project."""
    owner = tx.execute(select(servers.c.project_id).where(servers.c.id == marker)).scalar()
    if owner is None or (wanted.project_id is not None and owner != wanted.project_id):
        raise BadInput(f"marker [{marker}] not found", code="unknown-marker")


def _filtered(tx: Tx, wanted: ServerFilter) -> tuple[Select[Any], list[str]]:
    """Returns the statement, and the names of the patterns that it does not include yet."""
    conditions = [_presence(wanted), *_equal(wanted), *_tagged(tx, wanted)]
    left = []
    for name, pattern in wanted.patterns.items():
        condition, whole = _pattern(tx, name, pattern)
        conditions.append(condition)
        if not whole:
            left.append(name)
    return READ.where(*conditions), left


def _presence(wanted: ServerFilter) -> ColumnElement[bool]:
    gone, kept = (servers.c.status == str(status) for status in (ServerStatus.DELETED, ServerStatus.SOFT_DELETED))
    if wanted.statuses is not None:
        return servers.c.status.in_(sorted(wanted.statuses))
    if wanted.deleted:
        return or_(gone, kept) if wanted.soft_deleted else gone
    if wanted.changes_since is not None:
        return true()
    return ~gone if wanted.soft_deleted else ~or_(gone, kept)


def _equal(wanted: ServerFilter) -> list[ColumnElement[bool]]:
    found = [servers.c[name] == value for name, value in wanted.equal.items()]
    for name, moment in wanted.within.items():
        found.append(in_seconds(servers.c[name], [moment]))
    if wanted.project_id is not None:
        found.append(servers.c.project_id == wanted.project_id)
    if wanted.changes_since is not None:
        found.append(servers.c.updated >= wanted.changes_since)
    if wanted.changes_before is not None:
        found.append(servers.c.updated <= wanted.changes_before)
    if wanted.locked is not None:
        found.append(servers.c.locked_by.is_not(None) if wanted.locked else servers.c.locked_by.is_(None))
    if wanted.host is not None:
        found.append(servers.c.host_id == select(hosts.c.id).where(hosts.c.name == wanted.host).scalar_subquery())
    if wanted.zone is not None:
        found.append(_in_zone(wanted.zone))
    if wanted.reservation is not None:
        found.append(servers.c.reservation_id == wanted.reservation)
    return found


def _in_zone(zone: str) -> ColumnElement[bool]:
    named = aggregates.c.metadata[ZONE_KEY].as_string()
    members = select(aggregate_hosts.c.host_id).join(aggregates, aggregates.c.id == aggregate_hosts.c.aggregate_id)
    here = (
        servers.c.host_id.not_in(members.where(named.is_not(None)))
        if zone == ZONE
        else servers.c.host_id.in_(members.where(named == zone))
    )
    return or_(
        and_(servers.c.host_id.is_not(None), here),
        and_(servers.c.host_id.is_(None), servers.c.availability_zone == zone),
    )


def _tagged(tx: Tx, wanted: ServerFilter) -> list[ColumnElement[bool]]:
    found = [holds(tx, servers.c.tags, tag) for tag in wanted.tags]
    if wanted.any_tags:
        found.append(or_(*(holds(tx, servers.c.tags, tag) for tag in wanted.any_tags)))
    if wanted.not_tags:
        found.append(~and_(*(holds(tx, servers.c.tags, tag) for tag in wanted.not_tags)))
    if wanted.not_any_tags:
        found.append(~or_(*(holds(tx, servers.c.tags, tag) for tag in wanted.not_any_tags)))
    return found


def _pattern(tx: Tx, name: str, pattern: str) -> tuple[ColumnElement[bool], bool]:
    if name in _TEXTS:
        return narrowed(tx, _TEXTS[name], pattern)
    held = and_(ports.c.server_id == servers.c.id, ports.c.released.is_(False))
    if name == "ip6":
        return exists().where(held), False
    condition, whole = narrowed(tx, ports.c.address, pattern)
    more, _whole = narrowed(tx, further_addresses.c.address, pattern)
    has_more = exists().where(held, further_addresses.c.port_id == ports.c.id, more)
    return or_(exists().where(held, condition), has_more), whole


def _matching(tx: Tx, rows: Sequence[ServerRow], checks: dict[str, Pattern]) -> list[ServerRow]:
    ids: list[ServerId] = [row.id for row in rows]
    addresses = server_addresses(tx, ids) if checks.keys() & {"ip", "ip6"} else {}

    def matches(row: ServerRow, name: str, pattern: Pattern) -> bool:
        if name in _TEXTS:
            return pattern.search(getattr(row, name) or "") is not None
        version = ":" if name == "ip6" else "."
        held = (each.address for each in addresses.get(row.id, ()) if version in each.address)
        return any(pattern.search(address) is not None for address in held)

    return [row for row in rows if all(matches(row, *check) for check in checks.items())]
