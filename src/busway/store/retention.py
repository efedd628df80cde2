"""How long rows of growing tables are kept: one entry per table, and the statement that deletes old rows.

Each table is either in `RETENTIONS`, or in `BOUNDED` with what limits its size; a test checks both against all
tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Select, Table, TextClause, and_, delete, select, text

from busway.store.database import Database
from busway.store.metadata import metadata

BATCH = 500


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows of one table are kept: `days` after the time in column `age`, unless `[retention] option` says otherwise.

    `over` is a condition: only rows that are finished are deleted. `following` are tables whose rows are deleted
    with them, with the columns that connect the two. `in_order` says that keys grow with time and that all rows may
    be deleted: then only the oldest are read.
    """

    table: str
    age: str
    days: int
    option: str
    help: str
    over: str = ""
    following: tuple[tuple[str, str, str], ...] = ()
    in_order: bool = False


RETENTIONS = (
    Retention("events", "at", 180, "events_days", "What happened to devices, servers and hosts.", in_order=True),
    Retention("server_actions", "started", 180, "actions_days", "What users asked of their servers.", in_order=True),
    Retention(
        "servers",
        "terminated",
        90,
        "servers_days",
        "Deleted servers of which no host has anything any more, and what belongs to them.",
        over="status = 'DELETED' AND intent = 'gone'",
        following=(
            ("server_group_members", "server_id", "id"),
            ("ports", "server_id", "id"),
            ("consoles", "server_id", "id"),
            ("server_passwords", "server_id", "id"),
        ),
    ),
    Retention(
        "moves",
        "updated",
        180,
        "moves_days",
        "Resizes, migrations and evacuations that are over.",
        over="state IN ('confirmed', 'reverted', 'done', 'error', 'cancelled')",
    ),
    Retention("audit", "at", 400, "audit_days", "Who did what.", in_order=True),
    Retention("claims", "updated", 30, "claims_days", "Claims on devices that are free again.", over="state = 'freed'"),
    Retention(
        "handovers",
        "received",
        400,
        "handovers_days",
        "How devices came back from servers, as their hosts have signed it.",
        in_order=True,
    ),
    Retention(
        "ledger",
        "freed",
        1100,
        "usage_days",
        "Who had which device from when to when, of claims that are over.",
        over="freed IS NOT NULL",
    ),
    Retention("remote_consoles", "expires", 1, "remote_consoles_days", "Links to consoles that have expired."),
    Retention("trusts", "expires", 30, "trusts_days", "Trusts that have expired."),
    Retention(
        "image_tasks",
        "created",
        2,
        "image_tasks_days",
        "What imports of images did.",
        over="status IN ('success', 'failure')",
    ),
    Retention("tokens", "expires", 1, "tokens_days", "Tokens that have expired."),
    Retention(
        "rule_changes",
        "at",
        400,
        "rule_changes_days",
        "Who changed aliases and device specs; the last change of each stays.",
        over="version NOT IN (SELECT max(version) FROM rule_changes GROUP BY kind, key)",
    ),
)

BOUNDED = {
    "access_rules": "made by users, up to 1,000 each",
    "aggregates": "made by operators",
    "aggregate_hosts": "goes with its host or aggregate",
    "aliases": "made by operators",
    "assignments": "made by operators, and goes with its actor, place or role",
    "application_credentials": "made by users, up to 100 each",
    "conditions": "one per host, and goes with it",
    "consoles": "one per server, and goes with it",
    "credentials": "made by users, up to 100 each",
    "departures": "ends when the host has reported",
    "device_specs": "made by operators",
    "devices": "one per device of a host, and goes with the host",
    "disk_uploads": "ends when the disk has arrived",
    "endpoints": "made by operators, and goes with its service",
    "flavor_access": "made by operators",
    "flavors": "made by operators",
    "floating_ips": "made by users, with a quota",
    "group_members": "made by operators, and goes with its group or user",
    "host_questions": "ends with the request that waits for its answer; each new one forgets those of a minute ago",
    "host_traits": "made by operators, and goes with its host",
    "hosts": "made by operators",
    "implied_roles": "made by operators, and goes with its roles",
    "image_members": "made by users, up to 128 of each image, and goes with it",
    "images": "goes with the last server that needs it, once it is deleted",
    "join_tokens": "one per host, and goes with it",
    "keypairs": "made by users, with a quota",
    "login_failures": "each new one forgets those of 30 days ago",
    "metadef_namespaces": "made by operators, up to 1,000",
    "network_changes": "ends when its project's hosts have the change",
    "network_tags": "made by users, up to 50 for each network, subnet, port and security group",
    "networks": "made by users, with a quota",
    "password_history": "as many for each user as the rules remember, up to 23",
    "port_security_groups": "goes with its port",
    "port_addresses": "a few of each port, with which they go",
    "ports": "goes with its server, or is made by users with a quota",
    "project_tree": "goes with its project",
    "projects": "made by operators",
    "quotas": "made by operators",
    "regions": "made by operators",
    "routers": "made by users, with a quota",
    "security_group_rules": "made by users, with a quota",
    "security_groups": "made by users, with a quota",
    "roles": "made by operators",
    "services": "made by operators",
    "server_passwords": "one per server, and goes with it",
    "server_cells": "goes when its server has left the host",
    "server_group_members": "goes with its server or group",
    "server_groups": "made by users, with a quota",
    "user_groups": "made by operators",
    "traits": "made by operators",
    "trunk_subports": "up to 250 for each trunk, and goes with it",
    "trunks": "made by users, one for each of their ports at most",
    "user_quotas": "made by operators, and goes with its project or user",
    "users": "made by operators",
}


def forget_old(db: Database, kept: Retention, days: int, now: datetime) -> int:
    """Deletes up to one batch of rows older than `days`; returns how many. 0 days keeps all rows."""
    if days <= 0:
        return 0
    table = metadata.tables[kept.table]
    with db.read() as tx:
        keys = list(tx.execute(_old(table, kept, now - timedelta(days=days))).scalars())
    if not keys:
        return 0
    [key] = table.primary_key.columns
    chosen = and_(key.in_(keys), _is_over(kept))
    with db.write() as tx:
        for name, theirs, ours in kept.following:
            other = metadata.tables[name]
            tx.execute(delete(other).where(other.c[theirs].in_(select(table.c[ours]).where(chosen))))
        return tx.execute(delete(table).where(chosen)).rowcount


def days_of(kept: Retention, chosen: Mapping[str, int]) -> int:
    """Returns the days that a table is kept: configured, or the default."""
    return chosen.get(kept.option, kept.days)


def _old(table: Table, kept: Retention, before: datetime) -> Select[object]:
    key: Column[object]
    [key] = table.primary_key.columns
    if kept.in_order:
        # SELECT id FROM (SELECT id, at FROM events ORDER BY id LIMIT 500) WHERE at < ?
        oldest = select(key, table.c[kept.age]).order_by(key).limit(BATCH).subquery()
        return select(oldest.c[key.name]).where(oldest.c[kept.age] < before)
    return select(key).where(table.c[kept.age] < before, _is_over(kept)).limit(BATCH)


def _is_over(kept: Retention) -> TextClause:
    return text(kept.over or "1 = 1")
