"""The server (a virtual machine as its user sees it): its states and who may follow whom.

`ServerStatus` is the word clients print. A build that can't be placed or that its host refuses ends in ERROR with a
fault; so does a rebuild, which may be tried again. SHUTOFF is reached by stopping, or when the guest powers itself off.
A server that is resized or moved goes RESIZE, VERIFY_RESIZE, and then on, or by REVERT_RESIZE back. One that is MIGRATING runs, and goes to
another host meanwhile. A paused or a suspended one has its memory: of the first it is in RAM, of the second in a file. One in RESCUE runs from another image.
One that is SOFT_DELETED is off and keeps all that it has, until it is restored or its time is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from busway.domain.errors import Conflict
from busway.domain.flavor import Flavor
from busway.domain.ids import HostId, ImageId, PortId, ProjectId, ServerId, UserId


class ServerStatus(StrEnum):
    """The status words of the compute API that Busway uses."""

    BUILD = "BUILD"
    ACTIVE = "ACTIVE"
    SHUTOFF = "SHUTOFF"
    PAUSED = "PAUSED"
    SUSPENDED = "SUSPENDED"
    RESCUE = "RESCUE"
    REBUILD = "REBUILD"
    RESIZE = "RESIZE"
    VERIFY_RESIZE = "VERIFY_RESIZE"
    REVERT_RESIZE = "REVERT_RESIZE"
    MIGRATING = "MIGRATING"
    SHELVED = "SHELVED"
    SHELVED_OFFLOADED = "SHELVED_OFFLOADED"
    ERROR = "ERROR"
    SOFT_DELETED = "SOFT_DELETED"
    DELETED = "DELETED"


class TaskState(StrEnum):
    """What is being done to a server right now (`OS-EXT-STS:task_state`)."""

    SCHEDULING = "scheduling"
    SPAWNING = "spawning"
    POWERING_ON = "powering-on"
    POWERING_OFF = "powering-off"
    REBOOTING = "rebooting"
    REBOOTING_HARD = "rebooting_hard"
    PAUSING = "pausing"
    UNPAUSING = "unpausing"
    SUSPENDING = "suspending"
    RESUMING = "resuming"
    RESCUING = "rescuing"
    UNRESCUING = "unrescuing"
    REBUILDING = "rebuilding"
    RESIZE_MIGRATING = "resize_migrating"
    RESIZE_FINISH = "resize_finish"
    RESIZE_REVERTING = "resize_reverting"
    MIGRATING = "migrating"
    SHELVING = "shelving"
    UNSHELVING = "unshelving"
    IMAGE_UPLOADING = "image_uploading"
    RESTORING = "restoring"
    DELETING = "deleting"


class PowerState(StrEnum):
    """What a host's hypervisor says of a guest."""

    RUNNING = "running"
    PAUSED = "paused"
    SHUTOFF = "shutoff"
    CRASHED = "crashed"


class Hold(StrEnum):
    """What keeps a guest that is switched on from running, and keeps its memory."""

    PAUSED = "paused"  # its vCPUs stand still
    SUSPENDED = "suspended"  # its memory is in a file of its host, and no QEMU runs


# Nova's numbers for `OS-EXT-STS:power_state`.
POWER_STATE_NUMBERS = {PowerState.RUNNING: 1, PowerState.PAUSED: 3, PowerState.SHUTOFF: 4, PowerState.CRASHED: 6}

_SETTLED = (ServerStatus.ACTIVE, ServerStatus.SHUTOFF)
_REMOVED = (ServerStatus.SOFT_DELETED, ServerStatus.DELETED)
_KEPT = (ServerStatus.SHELVED, ServerStatus.SHELVED_OFFLOADED, ServerStatus.ERROR, *_REMOVED)
_FROM_A_HOST = (
    ServerStatus.REBUILD,
    ServerStatus.RESIZE,
    *_KEPT,
)

SERVER_TRANSITIONS: dict[ServerStatus, frozenset[ServerStatus]] = {
    ServerStatus.BUILD: frozenset({ServerStatus.ACTIVE, ServerStatus.ERROR, ServerStatus.DELETED}),
    ServerStatus.ACTIVE: frozenset(
        {
            *(ServerStatus.SHUTOFF, ServerStatus.PAUSED, ServerStatus.SUSPENDED, ServerStatus.RESCUE),
            ServerStatus.MIGRATING,
            *_FROM_A_HOST,
        }
    ),
    ServerStatus.SHUTOFF: frozenset({ServerStatus.ACTIVE, ServerStatus.RESCUE, *_FROM_A_HOST}),
    ServerStatus.PAUSED: frozenset({*_SETTLED, ServerStatus.MIGRATING, *_KEPT}),
    ServerStatus.SUSPENDED: frozenset({*_SETTLED, *_KEPT}),
    ServerStatus.RESCUE: frozenset({*_SETTLED, ServerStatus.ERROR, *_REMOVED}),
    ServerStatus.REBUILD: frozenset({*_SETTLED, ServerStatus.ERROR, ServerStatus.DELETED}),
    ServerStatus.RESIZE: frozenset({ServerStatus.VERIFY_RESIZE, ServerStatus.REVERT_RESIZE, ServerStatus.DELETED}),
    ServerStatus.VERIFY_RESIZE: frozenset({*_SETTLED, ServerStatus.REVERT_RESIZE, ServerStatus.DELETED}),
    ServerStatus.REVERT_RESIZE: frozenset({*_SETTLED, ServerStatus.DELETED}),
    ServerStatus.MIGRATING: frozenset(
        {*_SETTLED, ServerStatus.PAUSED, ServerStatus.REBUILD, ServerStatus.ERROR, ServerStatus.DELETED}
    ),
    ServerStatus.SHELVED: frozenset({ServerStatus.ACTIVE, ServerStatus.SHELVED_OFFLOADED, *_REMOVED}),
    ServerStatus.SHELVED_OFFLOADED: frozenset({ServerStatus.ACTIVE, ServerStatus.DELETED}),
    ServerStatus.ERROR: frozenset({ServerStatus.REBUILD, *_REMOVED}),
    ServerStatus.SOFT_DELETED: frozenset({*_SETTLED, ServerStatus.SUSPENDED, ServerStatus.ERROR, ServerStatus.DELETED}),
    ServerStatus.DELETED: frozenset(),
}


def check_server_transition(old: ServerStatus, new: ServerStatus) -> None:
    """Raises `Conflict` unless a server may go from `old` to `new`; staying is always allowed."""
    if new is not old and new not in SERVER_TRANSITIONS[old]:
        raise Conflict(f"A server can't go from {old} to {new}", code="server-transition")


@dataclass(frozen=True, slots=True)
class HostReason:
    """Why one host did not take a server: the filter's name and the reason in words."""

    host: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class ServerFault:
    """Why a server is in ERROR: a message of one line and details for its admin; of a refusal, why each of the first hosts."""

    code: int  # HTTP-like: 500
    message: str
    details: str
    created: datetime
    hosts: tuple[HostReason, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """One address of a server on a named network, of either IP version; a `floating` one leads there from outside."""

    network: str
    address: str
    mac: str
    port_id: PortId
    prefix: int = 24
    gateway: str = ""
    floating: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """A server as its user sees it; times are in UTC."""

    id: ServerId
    number: int  # grows by one per server: instance-0000000a
    name: str
    hostname: str
    description: str | None
    project_id: ProjectId
    user_id: UserId
    status: ServerStatus
    task_state: TaskState | None
    power: PowerState | None
    flavor: Flavor
    image_id: ImageId
    created: datetime
    updated: datetime
    host_id: HostId | None = None
    host_name: str | None = None
    key_name: str | None = None
    config_drive: bool = True
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    addresses: tuple[ServerAddress, ...] = ()
    availability_zone: str = "nova"
    pinned_zone: str | None = None  # the one that its user asked for
    launched: datetime | None = None
    terminated: datetime | None = None
    fault: ServerFault | None = None
    user_data: str | None = None
    scheduler_hints: Mapping[str, object] = field(default_factory=dict)
    locked: bool = False
    locked_reason: str | None = None
    access_ipv4: str = ""
    access_ipv6: str = ""
    reservation_id: str = ""  # the same for all servers of one request, and each one's place among them
    launch_index: int = 0
    disk_config: str = "MANUAL"  # or "AUTO"; kept for its user, for Busway leaves partitions to the guest

    @property
    def instance_name(self) -> str:
        """The name of its libvirt domain, as Nova makes it: instance-0000000a."""
        return f"instance-{self.number:08x}"


@dataclass(frozen=True, slots=True)
class ServerAction:
    """One request of a user about a server (`os-instance-actions`)."""

    server_id: ServerId
    request_id: str
    action: str
    user_id: UserId
    project_id: ProjectId
    started: datetime
    updated: datetime
    message: str | None = None
    trace: str | None = None
