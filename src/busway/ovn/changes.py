"""Compares the rows that must be there with those that are, and writes the one transaction that makes them equal. Pure.

Rows of the tables in `ROOTS` stand by themselves. The others (ports of a switch, rules of a group) are there as long as a row
refers to them, so nobody deletes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from busway.ovn.row import KEY, Found, Refs, Row, Value

ROOTS = ("Logical_Switch", "Logical_Router", "DHCP_Options", "DNS", "Port_Group")
TABLES: Mapping[str, tuple[str, ...]] = {
    "Logical_Switch": ("name", "other_config", "ports", "acls", "dns_records", "external_ids"),
    "Logical_Switch_Port": (
        "name",
        "type",
        "enabled",
        "addresses",
        "port_security",
        "dhcpv4_options",
        "options",
        "parent_name",
        "tag",
        "external_ids",
    ),
    "Logical_Router": ("name", "enabled", "ports", "static_routes", "nat", "external_ids"),
    "Logical_Router_Port": ("name", "mac", "networks", "gateway_chassis", "ipv6_ra_configs", "external_ids"),
    "Logical_Router_Static_Route": ("ip_prefix", "nexthop", "output_port", "external_ids"),
    "NAT": ("type", "external_ip", "logical_ip", "external_ids"),
    "Gateway_Chassis": ("name", "chassis_name", "priority", "external_ids"),
    "DHCP_Options": ("cidr", "options", "external_ids"),
    "DNS": ("records", "external_ids"),
    "Port_Group": ("name", "ports", "acls", "external_ids"),
    "ACL": ("direction", "priority", "match", "action", "external_ids"),
}
Operation = dict[str, Any]


def changes(wanted: Sequence[Row], found: Mapping[str, Sequence[Found]]) -> list[Operation]:
    """The operations of one transaction, none when all is as it must be. `found` has Busway's rows of each table."""
    there: dict[tuple[str, str], Found] = {}
    doubled: list[tuple[str, Found]] = []
    for table, several in found.items():
        for each in sorted(several, key=lambda row: row.uuid):
            if each.key and (table, each.key) not in there:
                there[table, each.key] = each
            else:
                doubled.append((table, each))
    uuids = {key: each.uuid for key, each in there.items()}
    names = {
        (row.table, row.key): f"r{number}" for number, row in enumerate(wanted) if (row.table, row.key) not in there
    }
    operations: list[Operation] = []
    for row in wanted:
        known = there.get((row.table, row.key))
        operations += _insert(row, names, uuids) if known is None else _update(row, known, names, uuids)
    meant = {(row.table, row.key) for row in wanted}
    gone = doubled + [(table, each) for (table, key), each in there.items() if (table, key) not in meant]
    return operations + [
        {"op": "delete", "table": table, "where": [["_uuid", "==", ["uuid", each.uuid]]]}
        for table, each in gone
        if table in ROOTS
    ]


def _insert(row: Row, names: Mapping[tuple[str, str], str], uuids: Mapping[tuple[str, str], str]) -> list[Operation]:
    sent = {column: _sent(value, names, uuids) for column, value in row.columns.items()}
    insert = {"op": "insert", "table": row.table, "row": sent, "uuid-name": names[row.table, row.key]}
    if row.table not in ROOTS:
        return [insert]
    # Another process may have made it meanwhile: then the transaction fails, and the next turn looks again.
    unseen = {
        "op": "wait", "table": row.table, "timeout": 0, "columns": ["external_ids"], "until": "==", "rows": [],
        "where": [["external_ids", "includes", ["map", [[KEY, row.key]]]]],
    }  # fmt: skip
    return [unseen, insert]


def _update(
    row: Row, known: Found, names: Mapping[tuple[str, str], str], uuids: Mapping[tuple[str, str], str]
) -> list[Operation]:
    sent = {
        column: _sent(value, names, uuids)
        for column, value in row.columns.items()
        if not known.holds(column, value, uuids)
    }
    where = [["_uuid", "==", ["uuid", known.uuid]]]
    return [{"op": "update", "table": row.table, "where": where, "row": sent}] if sent else []


def _sent(value: Value, names: Mapping[tuple[str, str], str], uuids: Mapping[tuple[str, str], str]) -> Any:
    if isinstance(value, Refs):
        return ["set", [_reference((value.table, key), names, uuids) for key in sorted(value.keys)]]
    if isinstance(value, frozenset):
        return ["set", sorted(value)]
    if isinstance(value, Mapping):
        return ["map", [list(pair) for pair in sorted(value.items())]]
    return value


def _reference(
    row: tuple[str, str], names: Mapping[tuple[str, str], str], uuids: Mapping[tuple[str, str], str]
) -> list[str]:
    return ["uuid", uuids[row]] if row in uuids else ["named-uuid", names[row]]
