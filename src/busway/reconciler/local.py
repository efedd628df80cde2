"""What an agent sees on its own host before it plans: `LocalState`."""

from __future__ import annotations

from dataclasses import dataclass

from busway.domain.disk_role import DiskRole
from busway.domain.grant import Attachment, Held
from busway.domain.ids import ServerId, UnitName
from busway.domain.server import PowerState
from busway.domain.units import Unit


@dataclass(frozen=True, slots=True)
class LocalServer:
    """One server as its host has it now.

    `power` is None when no domain is defined; `attached` are the units that the domain names. `config_drive` is the
    digest of what its drive says, "" when there is none. `disks` are the numbers of the disks that are here, `disk`
    is the one that the domain was defined with and `definition` the digest of that definition, `options` that of the
    host's choices for all guests in it, each "" when it is not known. `ephemeral` and `swap` are the numbers of the disks of these roles that are here. `starts` and `reboots`
    are the counters carried out, `uploaded` is the image as which its disk was last uploaded, `uploaded_ephemeral` that of its ephemeral disk. `stop_asked` and
    `stop_overdue` stand for an ACPI shutdown that the guest has not followed yet, `stop_again` that it should be asked once more. `paused` tells that somebody has
    paused its vCPUs, `saved` that its memory is in a file, from which its next start continues. `rescue` is the number
    of the disk that the domain was defined to be rescued from, 0 for none. `cards` are the MAC addresses of the domain's
    network cards; of a guest that runs, these and `attached` are what it has now. `asked_out` names what it was asked to let
    go and need not be asked again yet. `awaited` is the live migration by which it is to arrive here, `handed` the one by which it has left;
    `left` tells that its domain is off because another host has its guest.
    """

    id: ServerId
    power: PowerState | None = None
    attached: tuple[Attachment, ...] = ()
    files: bool = False
    disks: frozenset[int] = frozenset()
    ephemeral: frozenset[int] = frozenset()
    swap: frozenset[int] = frozenset()
    disk: int = 1
    definition: str = ""
    options: str = ""
    config_drive: str = ""
    starts: int = 0
    reboots: int = 0
    uploaded: str = ""
    uploaded_ephemeral: str = ""
    stop_asked: bool = False
    stop_overdue: bool = False
    stop_again: bool = False
    paused: bool = False
    saved: bool = False
    rescue: int = 0
    cards: tuple[str, ...] = ()
    asked_out: frozenset[str] = frozenset()
    awaited: str = ""
    handed: str = ""
    left: bool = False

    def numbers(self, role: DiskRole) -> frozenset[int]:
        """The numbers of the disks of one role that this host has."""
        return self.ephemeral if role is DiskRole.EPHEMERAL else self.swap

    @property
    def running(self) -> bool:
        """True while QEMU runs, paused guests included: its devices are in use."""
        return self.power in (PowerState.RUNNING, PowerState.PAUSED)

    @property
    def attached_names(self) -> frozenset[UnitName]:
        """The names of the units in the domain's definition."""
        return frozenset(attachment.name for attachment in self.attached)


@dataclass(frozen=True, slots=True)
class LocalState:
    """One host as its agent sees it: servers, cached images (by SHA-256), held units.

    `ready` are the units of the host that are as a guest needs them: for a function, bound to vfio-pci. Those that
    nobody takes care of (`is_ready`) need not be among them. `options` is the digest of what the host chooses for all
    guests now, "" when it is not known.
    """

    servers: tuple[LocalServer, ...] = ()
    images: frozenset[str] = frozenset()
    held: tuple[Held, ...] = ()
    ready: frozenset[UnitName] = frozenset()
    options: str = ""

    def server(self, server_id: ServerId) -> LocalServer:
        """The server with this id; an empty one when nothing of it is here."""
        return next((server for server in self.servers if server.id == server_id), LocalServer(server_id))

    def held_for(self, server_id: ServerId) -> tuple[Held, ...]:
        """The units that are held for a server, in the order of their names."""
        return tuple(sorted((h for h in self.held if h.server_id == server_id), key=lambda h: h.unit.name))

    def is_ready(self, unit: Unit) -> bool:
        """True when a guest can have the unit as it is, or when its operator sees to that."""
        return unit.name in self.ready or not unit.is_managed
