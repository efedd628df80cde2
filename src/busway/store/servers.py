"""Servers: what their users requested, where they are placed, and what their host last reported."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    and_,
    func,
    or_,
    select,
    text,
    update,
)

from busway.domain.flavor import Flavor
from busway.domain.ids import HostId, ImageId, ProjectId, ServerId, UserId
from busway.domain.requests import GivenFile
from busway.domain.rescue import Rescue
from busway.domain.server import Hold, PowerState, ServerFault, ServerStatus, TaskState
from busway.store.database import Tx
from busway.store.metadata import Json, UtcTime, metadata
from busway.store.owners import Owners, owned_by
from busway.store.state_times import note_state_left
from busway.store.together import put


class Intent(StrEnum):
    """What must become of a server on its host."""

    PRESENT = "present"
    ABSENT = "absent"  # to be torn down; some host has not said yet that nothing is left
    GONE = "gone"  # nothing of it is left on any host


servers = Table(
    "servers",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("hostname", String(255), nullable=False),
    Column("description", Text),
    Column("project_id", String(64), nullable=False),
    Column("user_id", String(64), nullable=False, index=True),
    Column("status", String(32), nullable=False, index=True),
    Column("task_state", String(32)),
    Column("power", String(16)),
    Column("intent", String(16), nullable=False, index=True),
    # The generation of its host's document that first said what is asked of it now; older reports tell nothing of that.
    Column("generation", Integer, nullable=False, default=0),
    Column("host_id", String(36)),
    Column("wanted_host", String(255)),
    Column("flavor", Json, nullable=False),
    Column("flavor_id", String(255), nullable=False, index=True),  # that of `flavor`, for lists
    Column("image_id", String(36), nullable=False, index=True),
    # The image that its disk is made from, where that is not the one that its user named; and that of its shelved disk.
    Column("root_image_id", String(36)),
    Column("shelved_image_id", String(36)),
    Column("ephemeral_image_id", String(36)),  # that of an ephemeral disk that came from another host
    Column("disks", Json, nullable=False, server_default=text("'[1]'")),
    Column("last_disk", Integer, nullable=False, server_default="1"),
    Column("key_name", String(255)),
    Column("public_key", Text),
    Column("user_data", Text),
    Column("files", Json),  # those that its user gave: pairs of a path and a content in base64
    Column("config_drive", Boolean, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("tags", Json, nullable=False),
    Column("hints", Json, nullable=False),
    # What its image says of its guest, as it was when the server was made of it; null for a server that is older.
    Column("image_words", Json),
    Column("availability_zone", String(255), nullable=False),
    Column("powered", Boolean, nullable=False),
    Column("hold", String(16)),  # what keeps a guest that is switched on from running
    # The rescue of a server that boots from another image's disk, and that image.
    Column("rescue", Json),
    Column("rescue_image_id", String(36)),
    Column("starts", Integer, nullable=False),
    Column("reboots", Integer, nullable=False),
    Column("hard_reboot", Boolean, nullable=False),
    Column("fault", Json),
    Column("created", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False, index=True),
    Column("launched", UtcTime),
    Column("terminated", UtcTime),
    Column("since", UtcTime),  # when it came to its status and task state
    # Who has locked it, "owner" or "admin", and what it was given beside its ports' addresses.
    Column("locked_by", String(8)),
    Column("locked_reason", String(255)),
    Column("access_ipv4", String(15)),
    Column("access_ipv6", String(45)),
    # The password of the guest's administrator: it is forgotten as soon as the guest that got it runs.
    Column("admin_pass", String(255)),
    Column("disk_config", String(8), nullable=False, server_default="MANUAL"),
    # The same for all servers of one request, and each one's place among them.
    Column("reservation_id", String(36), nullable=False, server_default="", index=True),
    Column("launch_index", Integer, nullable=False, server_default="0"),
    # How many root ports of its guest are left for what is plugged in, none where it is older than that; and how many others
    # it has had since something was plugged in or out for the first time.
    Column("spare_ports", Integer),
    Column("root_ports", Integer),
    # A page of a project's servers, newest first, is read from the end of its part of this index.
    Index("ix_servers_project_id_number", "project_id", "number"),
    # Two columns tell SQLite, which knows no counts of rows, that these lead to fewer rows than a project does.
    Index("ix_servers_name_project_id", "name", "project_id"),
    Index("ix_servers_host_id_project_id", "host_id", "project_id"),
)
IS_UNPLACED = and_(
    servers.c.status == str(ServerStatus.BUILD),
    servers.c.intent == str(Intent.PRESENT),
    servers.c.host_id.is_(None),
)
_IS_SOFT_DELETED = and_(servers.c.status == str(ServerStatus.SOFT_DELETED), servers.c.task_state.is_(None))


@dataclass(frozen=True, slots=True)
class ServerRow:
    """A server as stored."""

    number: int
    id: ServerId
    name: str
    hostname: str
    description: str | None
    project_id: ProjectId
    user_id: UserId
    status: ServerStatus
    task_state: TaskState | None
    power: PowerState | None
    intent: Intent
    generation: int
    host_id: HostId | None
    wanted_host: str | None
    flavor: Flavor
    image_id: ImageId
    root_image_id: ImageId | None
    shelved_image_id: ImageId | None
    disks: tuple[int, ...]
    last_disk: int
    key_name: str | None
    public_key: str | None
    user_data: str | None
    files: tuple[GivenFile, ...]
    config_drive: bool
    metadata: dict[str, str]
    tags: list[str]
    hints: dict[str, object]
    image_words: dict[str, str] | None
    availability_zone: str
    powered: bool
    starts: int
    reboots: int
    hard_reboot: bool
    fault: ServerFault | None
    created: datetime
    updated: datetime
    launched: datetime | None
    terminated: datetime | None
    since: datetime | None = None
    locked_by: str | None = None
    locked_reason: str | None = None
    access_ipv4: str | None = None
    access_ipv6: str | None = None
    disk_config: str = "MANUAL"
    reservation_id: str = ""
    launch_index: int = 0
    hold: Hold | None = None
    rescue: Rescue | None = None
    rescue_image_id: ImageId | None = None
    admin_pass: str | None = field(default=None, repr=False)
    spare_ports: int | None = None
    root_ports: int | None = None
    ephemeral_image_id: ImageId | None = None

    @property
    def disk_image_id(self) -> ImageId:
        """Returns the image that the lowest layer of its root disk is made from."""
        return self.root_image_id or self.image_id

    @property
    def has_ephemeral(self) -> bool:
        """True if its host has made it an ephemeral disk; those of the first releases have none, whatever their flavor says."""
        return self.image_words is not None and self.flavor.ephemeral_gb > 0

    @property
    def is_unplaced(self) -> bool:
        """Returns True while it waits for a host."""
        return self.status is ServerStatus.BUILD and self.intent is Intent.PRESENT and self.host_id is None

    @property
    def is_leaving(self) -> bool:
        """Returns True while it is deleted but not yet released by a host."""
        return self.intent is Intent.ABSENT and self.task_state is TaskState.DELETING

    def is_overdue(self, status: ServerStatus, before: datetime) -> bool:
        """True if it has been in a status without a task since `before` or longer, whatever else its user changed meanwhile."""
        return self.status is status and self.task_state is None and (self.since or self.updated) <= before

    @property
    def images(self) -> frozenset[ImageId]:
        """Returns all images whose data it may need."""
        known = (self.image_id, self.root_image_id, self.shelved_image_id, self.rescue_image_id)
        return frozenset(each for each in (*known, self.ephemeral_image_id) if each)


# The very strings that the class has: Python finds keywords by identity first, and this is done for each server that is read.
_READ_NAMES = tuple(ServerRow.__dataclass_fields__)
READ = select(*(servers.c[name] for name in _READ_NAMES))


def insert_servers(tx: Tx, several: Sequence[Mapping[str, Any]]) -> None:
    """Adds servers, all with the same columns."""
    put(tx, servers, [_plain({"disks": (1,), "since": each["created"], **each}) for each in several])


def update_server(tx: Tx, server_id: ServerId, now: datetime, **values: Any) -> None:
    """Updates columns of a server."""
    plain = _plain(values)
    if leave_states(tx, [server_id], now, {name: plain[name] for name in ("status", "task_state") if name in plain}):
        plain["since"] = now
    tx.execute(update(servers).where(servers.c.id == server_id).values(updated=now, **plain))


def leave_states(tx: Tx, server_ids: list[ServerId], now: datetime, to: dict[str, str | None]) -> bool:
    """Notes how long servers were in the states that they leave; returns True if any leaves its state."""
    if not to:
        return False
    columns = (servers.c.status, servers.c.task_state, servers.c.since)
    leaving = [
        row
        for row in tx.execute(select(*columns).where(servers.c.id.in_(server_ids)))
        if any(row._mapping[name] != value for name, value in to.items())
    ]
    for status, task_state, since in leaving:
        note_state_left(tx, status, task_state, since, now)
    return bool(leaving)


def find_server(tx: Tx, server_id: str, *, lock: bool = False) -> ServerRow | None:
    """Returns a server by its id, deleted or not, or None; `lock` locks it until the transaction ends."""
    statement = READ.where(servers.c.id == server_id)
    row = tx.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else server_of(row)


def list_servers(tx: Tx, project_id: ProjectId | None = None, *, deleted: bool = False) -> list[ServerRow]:
    """Lists the servers of one project or of all, newest first; with `deleted` only the deleted ones."""
    gone = servers.c.status == str(ServerStatus.DELETED)
    statement = READ.where(gone if deleted else ~gone).order_by(servers.c.number.desc())
    if project_id is not None:
        statement = statement.where(servers.c.project_id == project_id)
    return [server_of(row) for row in tx.execute(statement)]


def list_by_id(tx: Tx, server_ids: Iterable[ServerId], *, lock: bool = False) -> list[ServerRow]:
    """Lists the servers with these ids, by number; `lock` locks them, and waits for transactions that change them."""
    statement = READ.where(servers.c.id.in_(list(server_ids))).order_by(servers.c.number)
    return [server_of(row) for row in tx.execute(statement.with_for_update() if lock else statement)]


class ServerOwner(NamedTuple):
    """The name of a server, and its project."""

    name: str
    project_id: ProjectId


def owners_of(tx: Tx, server_ids: Collection[ServerId]) -> dict[ServerId, ServerOwner]:
    """Returns name and project of these servers."""
    if not server_ids:
        return {}
    statement = select(servers.c.id, servers.c.name, servers.c.project_id).where(servers.c.id.in_(server_ids))
    return {ServerId(row.id): ServerOwner(row.name, ProjectId(row.project_id)) for row in tx.execute(statement)}


def list_overdue(tx: Tx, status: ServerStatus, before: datetime) -> list[ServerRow]:
    """Lists the servers that have been in a status without a task since `before` or longer, oldest first."""
    came = func.coalesce(servers.c.since, servers.c.updated)
    statement = READ.where(servers.c.status == str(status), servers.c.task_state.is_(None), came <= before)
    return [server_of(row) for row in tx.execute(statement.order_by(servers.c.number))]


def images_in_use(tx: Tx, image_ids: Collection[ImageId]) -> set[ImageId]:
    """Returns those of these images whose data a server may need; a server that has left all hosts needs none."""
    names = ("image_id", "root_image_id", "shelved_image_id", "rescue_image_id", "ephemeral_image_id")
    columns = tuple(servers.c[name] for name in names)
    gone = and_(servers.c.status == str(ServerStatus.DELETED), servers.c.intent == str(Intent.GONE))
    statement = select(*columns).where(or_(*(column.in_(image_ids) for column in columns)), ~gone)
    return {ImageId(each) for row in tx.execute(statement) for each in row if each} & set(image_ids)


class FlavorInUse(NamedTuple):
    """The flavor of one server; `is_kept` if the server is soft-deleted, and so only keeps what the flavor gave it."""

    flavor: Flavor
    is_kept: bool


def list_flavors_in_use(tx: Tx, of: Owners, user_id: UserId | None = None) -> list[FlavorInUse]:
    """Lists the flavor of each server of one or several projects, or of one of their users, once per server."""
    statement = select(servers.c.flavor, _IS_SOFT_DELETED).where(
        owned_by(servers.c.project_id, of), servers.c.status != str(ServerStatus.DELETED)
    )
    if user_id is not None:
        statement = statement.where(servers.c.user_id == user_id)
    return [FlavorInUse(msgspec.convert(flavor, Flavor), bool(kept)) for flavor, kept in tx.execute(statement)]


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    plain = dict(values)
    if "flavor" in plain:
        plain["flavor_id"] = plain["flavor"].id
    if "files" in plain:
        plain["files"] = [[file.path, file.contents] for file in plain["files"]] or None
    if "disks" in plain:
        plain["disks"] = list(plain["disks"])
    for name in ("flavor", "fault", "rescue"):
        if plain.get(name) is not None:
            plain[name] = msgspec.to_builtins(plain[name])
    for name in ("status", "task_state", "power", "intent", "hold"):
        if plain.get(name) is not None:
            plain[name] = str(plain[name])
    return plain


def server_of(row: Row[tuple[object, ...]]) -> ServerRow:
    """Reads a server from a row of `READ`."""
    values: dict[str, Any] = dict(zip(_READ_NAMES, row, strict=True))
    values["flavor"] = msgspec.convert(values["flavor"], Flavor)
    values["rescue"] = msgspec.convert(values["rescue"], Rescue) if values["rescue"] is not None else None
    values["fault"] = msgspec.convert(values["fault"], ServerFault) if values["fault"] is not None else None
    values["status"] = ServerStatus(values["status"])
    values["task_state"] = TaskState(values["task_state"]) if values["task_state"] else None
    values["power"] = PowerState(values["power"]) if values["power"] else None
    values["hold"] = Hold(values["hold"]) if values["hold"] else None
    values["intent"] = Intent(values["intent"])
    values["files"] = tuple(GivenFile(*each) for each in values["files"] or ())
    values["disks"] = tuple(values["disks"])
    return ServerRow(**values)
