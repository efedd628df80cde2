"""The reads of a request that creates servers: one statement before its transaction, and one within it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Row, and_, bindparam, func, or_, select, text

from busway.domain.ids import ImageId, NetworkId, ProjectId, SecurityGroupId, UserId
from busway.domain.image import Image
from busway.domain.network import Network
from busway.store.address_lookup import AddressLookup
from busway.store.database import Tx, take_turn
from busway.store.images import image_of, images
from busway.store.keypairs import keypairs
from busway.store.networks import network_of, networks
from busway.store.pci_rules import rule_changes
from busway.store.ports import IS_LIVE, further_addresses, ports
from busway.store.quotas import EVERYBODY, SetLimits, quotas
from busway.store.security_groups import security_groups
from busway.store.select_many import Found, SelectMany
from busway.store.user_quotas import user_quotas


@dataclass(frozen=True, slots=True)
class RequestedObjects:
    """The objects that a request refers to, as read before its transaction.

    `image` and `public_key` are None if they do not exist; a deleted image is included. `networks` are the named
    ones and those that the project may use, oldest first.
    """

    image: Image | None
    public_key: str | None
    rules_version: int
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class LockedState:
    """What the decision depends on, as read under the locks of the transaction.

    `limits` are those of everybody, of the project and of the user, `has_group` whether the project has its default
    security group, `port_count` its ports.
    """

    image: Image | None
    limits: SetLimits
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
    user_limit=select(user_quotas.c.resource, user_quotas.c.limit).where(
        user_quotas.c.project_id == bindparam("project_id"), user_quotas.c.user_id == bindparam("user_id")
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
    further=select(further_addresses.c.address, further_addresses.c.network_id).where(
        further_addresses.c.network_id.in_(bindparam("network_ids", expanding=True)),
        further_addresses.c.address.in_(bindparam("addresses", expanding=True)),
    ),
)


def read_requested(
    tx: Tx,
    project_id: ProjectId,
    user_id: UserId,
    image_id: ImageId,
    key_name: str | None,
    network_ids: Collection[NetworkId],
) -> RequestedObjects:
    """Reads what a request for servers refers to, in one statement, before any lock."""
    found = _AHEAD.read(
        tx,
        project_id=project_id,
        user_id=user_id,
        image_id=image_id,
        key_name=key_name or "",
        network_ids=list(network_ids),
    )
    known = sorted(_networks(found["network"]), key=lambda network: (network.created, network.id))
    return RequestedObjects(
        _image(found["image"]),
        found["key"][0].public_key if found["key"] else None,
        int(found["rules"][0].version or 0),
        tuple(known),
    )


def lock_project(tx: Tx, project_id: ProjectId, network_ids: Sequence[NetworkId]) -> None:
    """Takes the quota turn of a project and locks the networks, until the transaction ends.

    So nobody else adds resources to the project or allocates addresses meanwhile. The project comes first
    everywhere, which prevents deadlocks. SQLite needs no locks: it has one writing transaction at a time.
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


def read_locked(
    tx: Tx,
    project_id: ProjectId,
    user_id: UserId,
    image_id: ImageId,
    group_id: SecurityGroupId,
    lookup: AddressLookup,
) -> LockedState:
    """Reads what the decision depends on, in one statement, after `lock_project`; adds addresses in use to `lookup`."""
    found = _WITHIN.read(
        tx,
        project_id=project_id,
        user_id=user_id,
        image_id=image_id,
        owners=[EVERYBODY, project_id],
        group_id=group_id,
        network_ids=list(lookup.asked),
        addresses=sorted({address for several in lookup.asked.values() for address in several}),
        macs=sorted(lookup.macs),
    )
    lookup.learn((row.network_id, row.address, row.mac) for row in found["taken"])
    lookup.learn((row.network_id, row.address, None) for row in found["further"])
    limits: dict[str, dict[str, int]] = {EVERYBODY: {}, project_id: {}}
    for row in found["limit"]:
        limits[row.owner][row.resource] = row.limit
    return LockedState(
        _image(found["image"]),
        SetLimits(limits, {row.resource: row.limit for row in found["user_limit"]}),
        bool(found["group"]),
        int(found["count"][0].number),
        {network.id: network for network in _networks(found["network"])},
    )


def _image(rows: Sequence[Found]) -> Image | None:
    return image_of(cast(Row[Any], rows[0])) if rows else None


def _networks(rows: Iterable[Found]) -> list[Network]:
    return [network_of(cast(Row[Any], row)) for row in rows]
