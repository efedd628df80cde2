"""What is read to accept servers: once ahead of the transaction that others wait for, and once within it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Row, and_, bindparam, func, or_, select, text

from busway.domain.ids import ImageId, NetworkId, ProjectId, SecurityGroupId, UserId
from busway.domain.image import Image
from busway.domain.network import Network
from busway.store.database import Tx, take_turn
from busway.store.images import image_of, images
from busway.store.keypairs import keypairs
from busway.store.networks import network_of, networks
from busway.store.pci_rules import rule_changes
from busway.store.port_look import Look
from busway.store.ports import IS_LIVE, ports
from busway.store.quotas import EVERYBODY, quotas
from busway.store.security_groups import security_groups
from busway.store.select_many import Found, SelectMany


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a request names: None for what is not there, an image that is deleted too. `networks` are those that are named,
    and those that the project may use, oldest first.
    """

    image: Image | None
    public_key: str | None
    rules_version: int
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class Within:
    """The same once nobody else changes it: the limits that were set for everybody and for the project, whether the project
    has its default security group, its ports, and the networks by id.
    """

    image: Image | None
    limits: Mapping[str, Mapping[str, int]]
    has_group: bool
    port_count: int
    networks: Mapping[NetworkId, Network]


_IMAGE = select(images).where(images.c.id == bindparam("image_id"))
_AHEAD = SelectMany(
    image=_IMAGE,
    key=select(keypairs.c.public_key).where(
        keypairs.c.user_id == bindparam("user_id"), keypairs.c.name == bindparam("key_name")
    ),
    rules=select(func.max(rule_changes.c.version).label("version")),
    network=select(networks).where(
        networks.c.shared
        | (networks.c.owner == bindparam("project_id"))
        | networks.c.id.in_(bindparam("network_ids", expanding=True))
    ),
)
_WITHIN = SelectMany(
    image=_IMAGE,
    limit=select(quotas.c.owner, quotas.c.resource, quotas.c.limit).where(
        quotas.c.owner.in_(bindparam("owners", expanding=True))
    ),
    group=select(security_groups.c.id).where(security_groups.c.id == bindparam("group_id")),
    count=select(func.count().label("number"))
    .select_from(ports)
    .where(IS_LIVE, ports.c.project_id == bindparam("project_id")),
    network=select(networks).where(networks.c.id.in_(bindparam("network_ids", expanding=True))),
    taken=select(ports.c.address, ports.c.mac, ports.c.network_id).where(
        IS_LIVE,
        or_(
            and_(
                ports.c.network_id.in_(bindparam("network_ids", expanding=True)),
                ports.c.address.in_(bindparam("addresses", expanding=True)),
            ),
            ports.c.mac.in_(bindparam("macs", expanding=True)),
        ),
    ),
)


def read_ahead(
    tx: Tx,
    project_id: ProjectId,
    user_id: UserId,
    image_id: ImageId,
    key_name: str | None,
    network_ids: Collection[NetworkId],
) -> Ahead:
    """What a request for servers names, in one statement."""
    found = _AHEAD.read(
        tx,
        project_id=project_id,
        user_id=user_id,
        image_id=image_id,
        key_name=key_name or "",
        network_ids=list(network_ids),
    )
    known = sorted(_networks(found["network"]), key=lambda network: (network.created, network.id))
    return Ahead(
        _image(found["image"]),
        found["key"][0].public_key if found["key"] else None,
        int(found["rules"][0].version or 0),
        tuple(known),
    )


def lock_project(tx: Tx, project_id: ProjectId, network_ids: Sequence[NetworkId]) -> None:
    """Waits until nobody else adds to what a project has or gives addresses on networks, until the transaction ends.

    The project comes first, as everywhere. On SQLite a transaction that writes is alone anyway.
    """
    if tx.dialect.name == "sqlite":
        return
    name = f"quota:{project_id}"
    if not network_ids:
        take_turn(tx, name)
        return
    # The rows are locked last of all, after the join, for which the lock of the project is taken.
    statement = text(
        "WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtext(:name)) AS held) "
        "SELECT networks.id FROM turn, networks WHERE networks.id IN :ids ORDER BY networks.id FOR UPDATE OF networks"
    ).bindparams(bindparam("ids", expanding=True))
    tx.execute(statement, {"name": f"busway.{name}", "ids": sorted(network_ids)})


def read_within(tx: Tx, project_id: ProjectId, image_id: ImageId, group_id: SecurityGroupId, look: Look) -> Within:
    """What accepting depends on, in one statement, after `lock_project`; `look` learns which of its addresses are in use."""
    found = _WITHIN.read(
        tx,
        project_id=project_id,
        image_id=image_id,
        owners=[EVERYBODY, project_id],
        group_id=group_id,
        network_ids=list(look.asked),
        addresses=sorted({address for several in look.asked.values() for address in several}),
        macs=sorted(look.macs),
    )
    look.learn((row.network_id, row.address, row.mac) for row in found["taken"])
    limits: dict[str, dict[str, int]] = {EVERYBODY: {}, project_id: {}}
    for row in found["limit"]:
        limits[row.owner][row.resource] = row.limit
    return Within(
        _image(found["image"]),
        limits,
        bool(found["group"]),
        int(found["count"][0].number),
        {network.id: network for network in _networks(found["network"])},
    )


def _image(rows: Sequence[Found]) -> Image | None:
    return image_of(cast(Row[Any], rows[0])) if rows else None


def _networks(rows: Iterable[Found]) -> list[Network]:
    return [network_of(cast(Row[Any], row)) for row in rows]
