"""Many rows of everything that lists hold, and what a request reads of them."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Table, event, insert, select

from busway.control.context import Control
from busway.domain.documents import HostResources
from busway.domain.flavor import Flavor
from busway.domain.ids import FlavorId, HostId, ImageId
from busway.domain.move import MoveSide
from busway.store.actions import actions
from busway.store.assignments import assignments
from busway.store.audit import audit
from busway.store.credentials import credentials
from busway.store.database import Database
from busway.store.devices import devices
from busway.store.events import events
from busway.store.floating_ips import floating_ips
from busway.store.groups import groups as server_groups
from busway.store.groups import members as server_group_members
from busway.store.hosts import hosts
from busway.store.images import images
from busway.store.keypairs import keypairs
from busway.store.moves import moves
from busway.store.networks import networks
from busway.store.ports import port_groups, ports
from busway.store.projects import projects
from busway.store.quotas import quotas
from busway.store.roles import roles
from busway.store.routers import routers
from busway.store.security_groups import security_group_rules, security_groups
from busway.store.servers import servers
from busway.store.trunks import subports, trunks
from busway.store.trusts import trusts
from busway.store.user_groups import group_members, user_groups
from busway.store.users import users

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FLAVOR = Flavor(FlavorId("g1"), "g1", 256, 1, 0)
PER_HOST = 10
_STEPS = 50  # SQLite tells of its work after so many instructions each


@dataclass
class Work:
    """What was asked of SQLite, and about how many instructions of its virtual machine that took."""

    statements: list[str] = field(default_factory=list)
    steps: int = 0


@contextmanager
def counted(database: Database) -> Iterator[Work]:
    """Counts what is done on a database inside the block, in all threads, but for BEGIN, COMMIT and ROLLBACK."""
    work, lock = Work(), threading.Lock()

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.split()[0] not in ("BEGIN", "COMMIT", "ROLLBACK") and not statement.startswith("SET TRANSACTION"):
            with lock:
                work.statements.append(statement)

    def step() -> int:
        with lock:
            work.steps += _STEPS
        return 0

    def watch(connection: sqlite3.Connection, *_rest: object) -> None:
        connection.set_progress_handler(step, _STEPS)

    def leave(connection: sqlite3.Connection, *_rest: object) -> None:
        connection.set_progress_handler(None, 0)

    listeners: list[tuple[str, Any]] = [("before_cursor_execute", note)]
    if database.is_sqlite:
        listeners += [("checkout", watch), ("checkin", leave)]
    for name, listener in listeners:
        event.listen(database.engine, name, listener)
    try:
        yield work
    finally:
        for name, listener in listeners:
            event.remove(database.engine, name, listener)


def remember_for_good(control: Control) -> None:
    """Has a process ask about each token once, however slow its machine is: what is counted does not hang on the clock."""
    control.bearers.monotonic = lambda: 0.0


def fill(database: Database, count: int, project_id: str, user_id: str) -> None:
    """Adds `count` servers with their ports, actions, events and moves, on hosts with devices; half are of the project."""
    host_count = count // PER_HOST
    side = msgspec.to_builtins(MoveSide(HostId(_id("h", 0)), FLAVOR, ImageId(_id("i", 0)), (1,), ()))
    with database.write() as tx:
        network = tx.execute(select(networks.c.id)).scalars().first()

        def add(table: Table, rows: list[dict[str, Any]]) -> None:
            tx.execute(insert(table), rows)

        add(hosts, [host_row(n) for n in range(host_count)])
        add(devices, [_device(n, slot) for n in range(host_count) for slot in range(8)])
        owners = (project_id, "other")
        add(servers, [_server(n, owners[n % 2], user_id, host_count) for n in range(count)])
        add(networks, [_network(n) for n in range(count)])
        add(ports, [_port(n, owners[n % 2], str(network)) for n in range(count)])
        add(routers, [_router(n, owners[n % 2]) for n in range(count)])
        add(trunks, [_trunk(n, owners[n % 2]) for n in range(count)])
        add(subports, [{"port_id": _id("o", n), "trunk_id": trunk_id(n + 1), "vlan": 1} for n in range(count)])
        add(floating_ips, [_floating(n, owners[n % 2]) for n in range(count)])
        add(security_groups, [_group(n, owners[n % 2]) for n in range(count)])
        add(port_groups, [{"port_id": _id("o", n), "group_id": group_id(n)} for n in range(count)])
        add(security_group_rules, [_rule(n) for n in range(count)])
        add(server_groups, [_server_group(n, owners[n % 2], user_id) for n in range(count)])
        add(server_group_members, [{"server_id": _id("s", n), "group_id": group_id(n)} for n in range(count)])
        add(actions, [_action(n, owners[n % 2], user_id) for n in range(count)])
        add(
            events,
            [
                {"at": _at(n), "subject": "server", "new": "BUILD", "reason": "-", "server_id": _id("s", n)}
                for n in range(count)
            ],
        )
        add(moves, [_move(n, owners[n % 2], side) for n in range(count)])
        add(images, [_image(n, owners[n % 2]) for n in range(count)])
        add(
            users,
            [
                {
                    "id": _id("u", n),
                    "name": f"user{n:05}",
                    "enabled": True,
                    "description": "",
                    "password_hash": "-",
                    "domain_id": "default",
                    "options": {},
                    "extra": {},
                }
                for n in range(count)
            ],
        )
        add(
            projects,
            [
                {
                    "id": _id("p", n),
                    "name": f"project{n:05}",
                    "enabled": True,
                    "description": "",
                    "domain_id": "default",
                    "parent_id": "default",
                    "is_domain": False,
                    "tags": [],
                    "options": {},
                    "extra": {},
                }
                for n in range(count)
            ],
        )
        add(user_groups, [_user_group(n) for n in range(count)])
        add(group_members, [{"group_id": group_id(n), "user_id": _id("u", n)} for n in range(count)])
        role = str(tx.execute(select(roles.c.id).limit(1)).scalar_one())
        add(assignments, [_assignment(n, role) for n in range(count)])
        add(
            keypairs,
            [
                {
                    "user_id": user_id,
                    "name": f"key{n:05}",
                    "type": "ssh",
                    "public_key": "-",
                    "fingerprint": "-",
                    "created": NOON,
                }
                for n in range(count)
            ],
        )
        add(
            credentials,
            [
                {"id": _id("e", n), "type": "cert", "user_id": _id("u", n), "key_hash": "-", "sealed": "-"}
                for n in range(count)
            ],
        )
        add(
            trusts,
            [
                {
                    "id": _id("t", n).replace("-", ""),
                    "trustor_id": _id("u", n),
                    "trustee_id": user_id,
                    "project_id": project_id,
                    "roles": [],
                    "impersonation": False,
                    "redelegation_count": 0,
                }
                for n in range(count)
            ],
        )
        add(
            quotas,
            [
                {"owner": _id("p", n), "resource": "cores", "limit": 1, "id": _id("l", n).replace("-", "")}
                for n in range(count)
            ],
        )
        add(
            audit,
            [
                {
                    "at": _at(n),
                    "request_id": f"req-{n}",
                    "operation": "o",
                    "method": "GET",
                    "target": "-",
                    "user_id": "u",
                    "user_name": "u",
                    "project_id": "",
                    "address": "",
                    "result": "success",
                    "reason": "",
                }
                for n in range(count)
            ],
        )


def server_id(n: int) -> str:
    return _id("s", n)


def user_id(n: int) -> str:
    return _id("u", n)


def host_id(n: int) -> str:
    return _id("h", n)


def _id(kind: str, n: int) -> str:
    return f"{ord(kind):08x}-0000-4000-8000-{n:012x}"


def _at(n: int) -> datetime:
    return NOON + timedelta(seconds=n)


def host_row(n: int) -> dict[str, Any]:
    return {
        "id": _id("h", n), "number": n + 1, "name": f"host{n:05}", "token_hash": f"{n:064x}", "enabled": True, "generation": 1,
        "revision": 1, "seen": NOON, "created": _at(n), "resources": msgspec.to_builtins(HostResources(64, 1 << 20, 1000)),
    }  # fmt: skip


def _device(n: int, slot: int) -> dict[str, Any]:
    return {
        "id": _id("d", n * 8 + slot), "host_id": _id("h", n), "address": f"0000:{0x41 + slot:02x}:00.0", "vendor_id": "10de",
        "product_id": "2330", "class_code": "030200", "kind": "type-PF", "subsystem_vendor_id": "", "subsystem_id": "",
        "revision": "a1", "iommu_group": slot, "vendor_name": "", "product_name": "", "class_name": "", "present": True,
        "discovered": NOON,
    }  # fmt: skip


def _server(n: int, project: str, user: str, host_count: int) -> dict[str, Any]:
    return {
        "id": _id("s", n), "name": f"server{n:05}", "hostname": f"server{n:05}", "project_id": project, "user_id": user,
        "status": "ACTIVE", "power": "running", "intent": "present", "generation": 1, "host_id": _id("h", n % host_count),
        "flavor": msgspec.to_builtins(FLAVOR), "flavor_id": FLAVOR.id, "image_id": _id("i", n), "config_drive": True,
        "metadata": {}, "tags": ["even" if n % 2 else "odd"], "hints": {}, "availability_zone": "", "powered": True,
        "starts": 1, "reboots": 0, "hard_reboot": False, "created": _at(n), "updated": _at(n), "disks": [1], "last_disk": 1,
    }  # fmt: skip


def network_id(n: int) -> str:
    return _id("n", n)


def subnet_id(n: int, version: int) -> str:
    return _id(str(version), n)


def _network(n: int) -> dict[str, Any]:
    """A network of a project of its own, each second one with IPv6 too."""
    v6 = {"subnet6_id": _id("6", n), "subnet6_name": f"six{n:05}", "cidr6": "fd00::/64", "dhcp6": True, "dns6": []}
    return {
        "id": _id("n", n), "name": f"network{n:05}", "owner": _id("p", n), "created": _at(n), "shared": False,
        "driver": "bridge", "physical": "-", "vlan": n + 1, "mtu": 1500, "description": "", "subnet_id": _id("4", n),
        "subnet_name": f"four{n:05}", "cidr": f"10.{n >> 8}.{n & 255}.0/24", "pools": [["10.0.0.2", "10.0.0.9"]], "gateway": "10.0.0.1", "dhcp": True, "dns": [],
        "routes": [], "routes6": [], "gateway6": "fd00::1",
        **(v6 if n % 2 else dict.fromkeys(v6)),
    }  # fmt: skip


def _port(n: int, project: str, network: str) -> dict[str, Any]:
    return {
        "id": _id("o", n), "network_id": network, "project_id": project, "server_id": _id("s", n),
        "address": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", "mac": f"02:00:00:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}",
        "created": _at(n), "released": False, "name": f"port{n:05}", "description": "", "own": False, "security": True,
    }  # fmt: skip


def router_id(n: int) -> str:
    return _id("e", n)


def _router(n: int, project: str) -> dict[str, Any]:
    return {
        "id": router_id(n), "project_id": project, "name": f"router{n:05}", "created": _at(n), "description": "", "up": True,
        "snat": True,
    }  # fmt: skip


def trunk_id(n: int) -> str:
    return _id("k", n)


def _trunk(n: int, project: str) -> dict[str, Any]:
    return {
        "id": trunk_id(n), "project_id": project, "name": f"trunk{n:05}", "created": _at(n), "description": "", "up": True,
        "port_id": _id("o", n),
    }  # fmt: skip


def _floating(n: int, project: str) -> dict[str, Any]:
    return {
        "id": _id("f", n), "project_id": project, "network_id": _id("n", 0), "address": f"11.{n >> 16}.{n >> 8 & 255}.{n & 255}",
        "own_port": "-", "created": _at(n), "description": "",
    }  # fmt: skip


def group_id(n: int) -> str:
    return _id("g", n)


def _group(n: int, project: str) -> dict[str, Any]:
    return {"id": group_id(n), "project_id": project, "name": f"group{n:05}", "created": _at(n), "description": ""}


def rule_id(n: int) -> str:
    return _id("r", n)


def _rule(n: int) -> dict[str, Any]:
    return {
        "id": rule_id(n), "group_id": group_id(n), "direction": "ingress", "ethertype": "IPv4", "created": _at(n),
        "protocol": "tcp", "port_min": 22, "port_max": 22, "remote_cidr": f"10.{n >> 8}.{n & 255}.0/24", "description": "",
    }  # fmt: skip


def project_id(n: int) -> str:
    return _id("p", n)


def _server_group(n: int, project: str, user: str) -> dict[str, Any]:
    return {
        "id": group_id(n), "name": f"group{n:05}", "policy": "affinity", "project_id": project, "user_id": user, "created": _at(n),
    }  # fmt: skip


def _user_group(n: int) -> dict[str, Any]:
    return {"id": group_id(n), "name": f"group{n:05}", "description": "", "domain_id": "default", "extra": {}}


def _assignment(n: int, role: str) -> dict[str, Any]:
    return {
        "actor_id": user_id(n), "place_id": project_id(n), "role_id": role, "inherited": False, "actor": "user", "place": "project",
    }  # fmt: skip


def _action(n: int, project: str, user: str) -> dict[str, Any]:
    return {
        "server_id": _id("s", n), "request_id": f"req-{n}", "action": "create", "user_id": user, "project_id": project,
        "started": _at(n), "updated": _at(n),
    }  # fmt: skip


def _move(n: int, project: str, side: dict[str, Any]) -> dict[str, Any]:
    return {
        "uuid": _id("m", n), "server_id": _id("s", n), "kind": "migration", "state": "confirmed", "powered": True,
        "source_host_id": side["host_id"], "target_host_id": side["host_id"], "source": side, "target": side,
        "user_id": user_id(n), "project_id": project, "created": _at(n), "updated": _at(n),
    }  # fmt: skip


def _image(n: int, project: str) -> dict[str, Any]:
    return {
        "id": _id("i", n), "name": f"image{n:05}", "status": "queued" if n == 102 else "active", "owner": "alone" if n == 101 else project, "created": _at(n), "updated": _at(n),
        "visibility": "public", "disk_format": "raw", "container_format": "bare", "min_disk": 0, "min_ram": 0,
        "protected": False, "hidden": False, "tags": [], "properties": {}, "md5": f"{n:032x}",
        "hash_algo": "sha512", "hash_value": f"{n:0128x}",
    }  # fmt: skip
