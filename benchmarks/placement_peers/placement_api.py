"""Placement's WSGI application on SQLite, asked as Nova asks it: one granular group per device, tuned for wide trees."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from oslo_config import cfg
from placement import conf as options  # type: ignore[import-not-found]
from placement import db_api, deploy
from placement.db.sqlalchemy import migration, models  # type: ignore[import-not-found]
from webob import Request  # type: ignore[import-untyped]

from benchmarks.placement_peers.timing import asked, tell

_DEVICES = 8
_CLASS = "CUSTOM_PCI_10DE_2330"
_OWNER = "OWNER_NOVA"
_LIMIT = 1000


def main() -> None:
    """Add hosts up to each number asked for, and time a request for candidates at each count of devices."""
    numbers, counts = asked()
    with tempfile.TemporaryDirectory(prefix="busway-bench-placement-") as folder:
        application = _application(Path(folder))
        engine = db_api.get_placement_engine()
        there = 0
        for hosts in sorted(numbers):
            with engine.begin() as connection:
                _add_hosts(connection, there, hosts)
            there = hosts
            for count in counts:
                _time(application, hosts, count)


def _time(application: Any, hosts: int, count: int) -> None:
    def act() -> None:
        answer = _request(count).get_response(application)
        assert answer.status_code == 200, answer.text
        assert answer.json["allocation_requests"]

    tell(hosts, count, act)


def _application(folder: Path) -> Any:
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    file = folder / "placement.conf"
    file.write_text(f"[placement_database]\nconnection = sqlite:///{folder}/placement.db\n", encoding="utf-8")
    conf([], project="placement", default_config_files=[str(file)], default_config_dirs=[])
    conf.set_override("auth_strategy", "noauth2", "api")
    conf.set_override("max_allocation_candidates", _LIMIT, "placement")
    conf.set_override("allocation_candidates_generation_strategy", "breadth-first", "placement")
    conf.set_override("optimize_for_wide_provider_trees", True, "workarounds")
    db_api.configure(conf)
    migration.create_schema()
    return deploy.loadapp(conf)


def _request(count: int) -> Any:
    query = [("limit", _LIMIT), ("resources", "DISK_GB:100,MEMORY_MB:65536,VCPU:8"), ("root_required", _OWNER)]
    for number in range(count):
        query += [(f"resources_{number}", f"{_CLASS}:1"), (f"required_{number}", _OWNER)]
    if count > 1:
        query.append(("group_policy", "none"))
    headers = {"x-auth-token": "admin", "openstack-api-version": "placement 1.39"}
    return Request.blank(f"/allocation_candidates?{urlencode(query)}", headers=headers)


def _add_hosts(connection: Any, first: int, last: int) -> None:
    """Load the tables directly: a root provider per host with vCPUs, RAM and disk, and a child per GPU."""
    classes = _ids(connection, models.ResourceClass, ["VCPU", "MEMORY_MB", "DISK_GB", _CLASS])
    [trait] = _ids(connection, models.Trait, [_OWNER])
    width = _DEVICES + 1
    providers, inventories = [], []
    for host in range(first, last):
        root = host * width + 1
        providers += [_provider(host, root, number) for number in range(width)]
        totals = zip(classes[:3], (256, 1 << 20, 10000), strict=True)
        inventories += [_inventory(root, resource, total) for resource, total in totals]
        inventories += [_inventory(root + n, classes[3], 1) for n in range(1, width)]
    connection.execute(models.ResourceProvider.__table__.insert(), providers)
    connection.execute(models.Inventory.__table__.insert(), inventories)
    pairs = [{"trait_id": trait, "resource_provider_id": provider["id"]} for provider in providers]
    connection.execute(models.ResourceProviderTrait.__table__.insert(), pairs)


def _provider(host: int, root: int, number: int) -> dict[str, Any]:
    name = f"host{host}" if number == 0 else f"host{host}_0000:{0x40 + number:02X}:00.0"
    parent = None if number == 0 else root
    return {
        "id": root + number,
        "uuid": str(uuid.UUID(int=root + number)),
        "name": name,
        "generation": 1,
        "root_provider_id": root,
        "parent_provider_id": parent,
    }


def _inventory(provider: int, resource: int, total: int) -> dict[str, Any]:
    amounts = {"total": total, "reserved": 0, "min_unit": 1, "max_unit": total, "step_size": 1, "allocation_ratio": 1.0}
    return {"resource_provider_id": provider, "resource_class_id": resource, **amounts}


def _ids(connection: Any, model: Any, names: list[str]) -> list[int]:
    return list(_find_or_add(connection, model.__table__, names))


def _find_or_add(connection: Any, table: Any, names: list[str]) -> Iterator[int]:
    for name in names:
        found = connection.execute(table.select().where(table.c.name == name)).first()
        if found is None:
            # Custom classes have ids of their own range.
            values = {"name": name, **({"id": 10000} if table.name == "resource_classes" else {})}
            connection.execute(table.insert().values(**values))
            found = connection.execute(table.select().where(table.c.name == name)).first()
        yield found.id


if __name__ == "__main__":
    main()
