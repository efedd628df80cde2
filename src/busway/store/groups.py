"""Server groups and their members. A server is in one group at most, for its whole life."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Column, ForeignKey, Integer, Row, String, Table, delete, func, insert, select, union

from busway.domain.ids import GroupId, ProjectId, ServerId, UserId
from busway.domain.server import ServerStatus
from busway.domain.server_group import Group, GroupPolicy
from busway.store.database import Tx
from busway.store.hosts import hosts
from busway.store.metadata import UtcTime, metadata
from busway.store.moves import IS_OPEN, moves
from busway.store.owners import Owners, owned_by
from busway.store.servers import Intent, servers
from busway.store.together import put

groups = Table(
    "server_groups",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("policy", String(32), nullable=False),
    Column("max_per_host", Integer),
    Column("project_id", String(64), nullable=False, index=True),
    Column("user_id", String(64), nullable=False),
    Column("created", UtcTime, nullable=False),
)

members = Table(
    "server_group_members",
    metadata,
    Column("server_id", String(36), primary_key=True),
    Column("group_id", String(36), ForeignKey("server_groups.id", ondelete="CASCADE"), nullable=False, index=True),
)


def add_group(tx: Tx, group: Group) -> None:
    """Adds a group."""
    names = [column.name for column in groups.c if column.name != "number"]
    values = {name: getattr(group, name) for name in names}
    tx.execute(insert(groups).values(**values | {"policy": str(group.policy)}))


def find_group(tx: Tx, group_id: str) -> Group | None:
    """Returns a group with its members, or None."""
    row = tx.execute(select(groups).where(groups.c.id == group_id)).one_or_none()
    return None if row is None else _group(row, _members(tx, [group_id]).get(GroupId(group_id), ()))


def list_groups(
    tx: Tx, project_id: ProjectId | None = None, *, offset: int = 0, limit: int | None = None
) -> list[Group]:
    """Lists the groups of a project, or of all, oldest first, with their members; `offset` groups are left out."""
    statement = select(groups).order_by(groups.c.number).offset(offset).limit(limit)
    if project_id is not None:
        statement = statement.where(groups.c.project_id == project_id)
    rows = tx.execute(statement).all()
    found = _members(tx, [row.id for row in rows])
    return [_group(row, found.get(GroupId(row.id), ())) for row in rows]


def count_groups(tx: Tx, of: Owners, user_id: UserId | None = None) -> int:
    """Returns how many groups a project has, or several projects together, or one of their users."""
    statement = select(func.count()).select_from(groups).where(owned_by(groups.c.project_id, of))
    if user_id is not None:
        statement = statement.where(groups.c.user_id == user_id)
    return int(tx.execute(statement).scalar_one())


def count_members(tx: Tx, group_id: GroupId, user_id: UserId) -> int:
    """Returns how many servers of a user are in a group."""
    statement = select(func.count()).select_from(members).join(servers, servers.c.id == members.c.server_id)
    of_user = (servers.c.user_id == user_id, servers.c.status != str(ServerStatus.DELETED))
    return int(tx.execute(statement.where(members.c.group_id == group_id, *of_user)).scalar_one())


def delete_group(tx: Tx, group_id: GroupId) -> None:
    """Deletes a group; its servers stay where they are."""
    tx.execute(delete(members).where(members.c.group_id == group_id))
    tx.execute(delete(groups).where(groups.c.id == group_id))


def join(tx: Tx, group_id: GroupId, server_id: ServerId) -> None:
    """Adds a new server to a group."""
    put(tx, members, [{"group_id": group_id, "server_id": server_id}])


def group_ids(tx: Tx, server_ids: Collection[str]) -> dict[ServerId, GroupId]:
    """Returns the group of each of these servers that has one."""
    rows = tx.execute(select(members).where(members.c.server_id.in_(list(server_ids))))
    return {ServerId(row.server_id): GroupId(row.group_id) for row in rows}


def member_hosts(tx: Tx, group_id: GroupId, without: ServerId, *, both_sides: bool = False) -> tuple[str, ...]:
    """Lists the host names of a group's servers except one; a name for each server on each host.

    With `both_sides` a server that moves counts on its source and on its target, as it may end on either.
    """
    in_group = (members.c.group_id == group_id, members.c.server_id != without)
    present = servers.c.intent == str(Intent.PRESENT)
    places = select(servers.c.id, servers.c.host_id).join(members, members.c.server_id == servers.c.id)
    places = places.where(*in_group, present)
    if both_sides:
        ends = [
            select(moves.c.server_id, host)
            .join(members, members.c.server_id == moves.c.server_id)
            .join(servers, servers.c.id == moves.c.server_id)
            .where(*in_group, present, IS_OPEN)
            for host in (moves.c.source_host_id, moves.c.target_host_id)
        ]
        found = union(places, *ends).subquery()
    else:
        found = places.subquery()
    statement = select(hosts.c.name).join(found, found.c.host_id == hosts.c.id).order_by(hosts.c.name)
    return tuple(str(name) for name in tx.execute(statement).scalars())


def _members(tx: Tx, ids: Collection[str]) -> dict[GroupId, tuple[ServerId, ...]]:
    """Returns the members that are not deleted."""
    statement = (
        select(members.c.group_id, members.c.server_id)
        .join(servers, servers.c.id == members.c.server_id)
        .where(members.c.group_id.in_(list(ids)), servers.c.status != str(ServerStatus.DELETED))
        .order_by(servers.c.number)
    )
    found: dict[GroupId, tuple[ServerId, ...]] = {}
    for row in tx.execute(statement):
        found[GroupId(row.group_id)] = (*found.get(GroupId(row.group_id), ()), ServerId(row.server_id))
    return found


def _group(row: Row[tuple[object, ...]], ids: tuple[ServerId, ...]) -> Group:
    values = {name: value for name, value in row._mapping.items() if name != "number"}
    return Group(**values | {"policy": GroupPolicy(values["policy"])}, members=ids)
