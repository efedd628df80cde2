"""The two documents of one host: `Desired` (what must be) and `Observed` (what its agent saw).

Levels, not edges: a document says everything each time, carries a generation, and an older one is refused. One-shot
verbs are counters: `starts`, `reboots` and the numbers of disks only grow, and the agent remembers how far it has come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from busway.domain.device import PciDevice
from busway.domain.dhcp_option import DhcpOption
from busway.domain.grant import Fault, Grant, Held
from busway.domain.guest_machine import PLAIN, Machine
from busway.domain.guest_network import (
    BRIDGE,
    DEFAULT_PHYSICAL,
    INTEGRATION_BRIDGE,
    NORMAL,
    OVERLAY,
    AddressPair,
    HostNetwork,
    NicGroup,
    bridge_name,
    tap_name,
)
from busway.domain.handover import SignedHandover
from busway.domain.host_facts import Chassis, GuestKind, HostCell
from busway.domain.ids import ImageId, NetworkId, PortId, SecurityGroupId, ServerId, UnitName
from busway.domain.live_move import LiveOrder, LiveSeen
from busway.domain.mdev import MdevParentSeen
from busway.domain.server import Hold, PowerState
from busway.domain.units import RenderShare, WholeFunction

# 1: whole functions only, without claims. 2: kinds of resource, claims, ports; each server is read alone.
WIRE_VERSION = 2

NO_PORT, NO_NETWORK = PortId(""), NetworkId("")


@dataclass(frozen=True, slots=True)
class ImageRef:
    """An image as an agent needs it: where its bytes are asked for, and how to know them."""

    id: ImageId
    sha256: str
    size: int  # bytes
    disk_format: str  # "qcow2" or "raw"


@dataclass(frozen=True, slots=True)
class Nic:
    """One network card of a guest: its port on a network, its addresses and what it may send and receive.

    `driver`, `physical` and `vlan` are its network's and decide into which bridge it is plugged. Without `security`
    neither its addresses nor its traffic are looked at; one that is not `up` neither sends nor receives. `name` is what
    DNS calls the guest. `root_port` is the number of the guest's root port that it is behind, 0 for the next one after the
    devices. `tag` is its user's, for the guest's metadata. One of another `vnic` than "normal" is among its server's
    devices, and the host's bridges have nothing to do with it. `dhcp_options` are what DHCP answers it beside those of its network.
    `further` are more addresses of the same subnet, which it may use beside the one that DHCP gives it.
    """

    mac: str
    address: str
    prefix: int
    gateway: str = ""
    port: PortId = NO_PORT
    network: NetworkId = NO_NETWORK
    driver: str = BRIDGE
    physical: str = DEFAULT_PHYSICAL
    vlan: int = 0
    address6: str = ""
    security: bool = True
    groups: tuple[SecurityGroupId, ...] = ()
    pairs: tuple[AddressPair, ...] = ()
    name: str = ""
    up: bool = True
    root_port: int = 0
    tag: str = ""
    vnic: str = NORMAL
    dhcp_options: tuple[DhcpOption, ...] = ()
    further: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses of version 4, the first one first."""
        return (self.address, *self.further) if self.address else ()

    @property
    def tap(self) -> str:
        """The name of its interface on the host."""
        return tap_name(self.port)

    def bridge(self, bridges: Mapping[str, str]) -> str | None:
        """The bridge that it is plugged into; None on a host that has none for its physical network.

        `bridges` are the host's, by physical network.
        """
        if self.driver == OVERLAY:
            return INTEGRATION_BRIDGE
        below = bridges.get(self.physical)
        own = self.driver != BRIDGE or (self.vlan and below)
        return bridge_name(self.network) if own else below


@dataclass(frozen=True, slots=True)
class ConfigDrive:
    """What the guest reads on its config drive and from the metadata service: contents under openstack/latest/."""

    meta_data: str  # JSON
    network_data: str  # JSON
    user_data: str = ""  # base64; "" for none
    vendor_data: str = ""  # JSON; "" for an empty object
    contents: tuple[
        str, ...
    ] = ()  # base64: the files that the user gave, which `meta_data` lists, under openstack/content/


@dataclass(frozen=True, slots=True)
class DesiredCell:
    """A NUMA cell of a guest, and the node of the host, with its CPUs ("0-7,16-23"), on which it must lie.

    `pins` are the host's CPUs that each of its vCPUs has for itself, empty where it shares those of the node; `SHARED` stands for
    a vCPU that does beside others that do not. `emulator` are the CPUs that QEMU's own threads have for themselves.
    """

    vcpus: int
    ram_mb: int
    node: int
    cpus: str
    pins: tuple[int, ...] = ()
    emulator: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DesiredRescue:
    """The disk from which a guest must boot instead of its own: see `busway.domain.rescue.Rescue`."""

    image: ImageRef
    number: int
    bus: str = ""
    device: str = "disk"


@dataclass(frozen=True, slots=True)
class DesiredServer:
    """A server as its host must have it.

    `powered` False means shut off. `starts` grows by one each time its user asks for a start (the first boot is 1): a
    guest that powers itself off stays off until then. `reboots` grows with each reboot, `hard_reboot` tells how. One
    with a `hold` is switched on and must not run: its vCPUs stand still, or its memory is saved and continues from
    there later. One with a `rescue` boots from that disk, and has its own beside it.

    `disks` are the numbers of the layers of its root disk: the first is made from `image`, each other one on top of
    the one before it, and the guest runs on the last. A number is used once in the life of a server: another first
    number is a rebuild, one layer less gives back the disk as it was below. `upload` names the image as which its whole
    disk must be uploaded; that of a guest that must run is copied as it is at one moment. `upload_ephemeral` is the same
    for its ephemeral disk, and `ephemeral_image` what the lowest layer of that is made from, None for an empty one.

    `spare_ports` is how many of its root ports are left for what is plugged in while it runs. `root_ports` is the number
    of the others, kept from the first time that something was plugged in or out, 0 until then. `hotplug_window_mb` is how
    much of the guest's 64-bit address space is kept behind each spare port for the BARs of a device, 0 for what QEMU does.
    One with `live` is on its way between two hosts while it runs. One without `has_drive` reads what its config drive would say from
    the metadata service alone.
    """

    id: ServerId
    name: str
    vcpus: int
    ram_mb: int
    disk_gb: int
    image: ImageRef
    devices: tuple[Grant, ...]
    nics: tuple[Nic, ...]
    config_drive: ConfigDrive
    powered: bool = True
    starts: int = 1
    reboots: int = 0
    hard_reboot: bool = False
    disks: tuple[int, ...] = (1,)
    upload: ImageId | None = None
    cells: tuple[DesiredCell, ...] = ()
    machine: Machine = PLAIN
    hold: Hold | None = None
    rescue: DesiredRescue | None = None
    spare_ports: int = 0
    root_ports: int = 0
    live: LiveOrder | None = None
    hotplug_window_mb: int = 0
    ephemeral_image: ImageRef | None = None
    upload_ephemeral: ImageId | None = None
    has_drive: bool = True

    @property
    def plugged(self) -> tuple[Nic, ...]:
        """Its cards that are on a bridge of the host."""
        return tuple(nic for nic in self.nics if nic.vnic == NORMAL)

    @property
    def render_share(self) -> RenderShare | None:
        """The share of a render node by which its host draws for it."""
        return next((each.unit for each in self.devices if isinstance(each.unit, RenderShare)), None)

    @property
    def rescue_disk(self) -> int:
        """The number of the disk that it is rescued from, 0 for none."""
        return self.rescue.number if self.rescue is not None else 0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A server of which a document says something that its reader does not know; nothing is done with that server."""

    id: ServerId
    detail: str

    @property
    def fault(self) -> Fault:
        """The fault to report."""
        return Fault(
            "ReadDocument",
            "The agent and the control plane do not understand each other about this server",
            self.detail,
            "Run the same release on both sides.",
            "wire-format",
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """The work of a server's host, and for whom: the request of the newest act on it, and its trace (W3C's traceparent)."""

    server_id: ServerId
    request_id: str
    trace: str


@dataclass(frozen=True, slots=True)
class Desired:
    """All that one host must have.

    A server in neither `servers` nor `absent` is unknown to the control plane: the agent reports and leaves it, as it
    leaves one that is `unreadable`. `wire` is the version of the document's form. `asked` has young requests that are
    traced, and changes nothing.
    `networks` are those that its servers' cards are on, `groups` the security groups that these cards or rules name.
    """

    host: str
    generation: int
    servers: tuple[DesiredServer, ...] = ()
    absent: tuple[ServerId, ...] = ()
    networks: tuple[HostNetwork, ...] = ()
    groups: tuple[NicGroup, ...] = ()
    wire: int = WIRE_VERSION
    unreadable: tuple[Unreadable, ...] = ()
    asked: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class ObservedServer:
    """A server as its host has it: a libvirt domain, or files and devices that one left behind.

    `power` is None when no domain is defined. `devices` are the units that the agent holds for it or its domain names.
    `starts` and `reboots` are the counters that the agent has carried out, `disk` is the number of the disk that its
    domain was defined with. `fault` is the last failure to converge. `saved` tells that its memory is in a file, from
    which its next start continues. `rescue` is the number of the disk that its domain boots from to rescue it, 0 for none.
    `cards` are the MAC addresses of its network cards, and `attached` the units that it has now, None where an older agent
    does not tell. `ignored` names what its guest was asked to release (a unit or a MAC address) and did not release within the
    deadline. `live` describes its live migration, and `arriving` that its domain is not whole yet.
    """

    id: ServerId
    power: PowerState | None
    starts: int = 0
    reboots: int = 0
    devices: tuple[UnitName, ...] = ()
    fault: Fault | None = None
    disk: int = 1
    saved: bool = False
    rescue: int = 0
    cards: tuple[str, ...] | None = None
    attached: tuple[UnitName, ...] | None = None
    ignored: tuple[str, ...] = ()
    live: LiveSeen | None = None
    arriving: bool = False

    @property
    def is_active(self) -> bool:
        """True while QEMU runs, paused guests included."""
        return self.power in (PowerState.RUNNING, PowerState.PAUSED)


@dataclass(frozen=True, slots=True)
class HostResources:
    """Totals of one host and what it can run; what an older agent does not tell is as its default says: not known.

    With `paged` its RAM, and that of its cells, is huge pages, which it keeps for guests alone.
    """

    vcpus: int
    ram_mb: int
    disk_gb: int
    hypervisor_type: str = "QEMU"
    hypervisor_version: int = 0  # as libvirt counts: major * 1,000,000 + minor * 1,000 + micro
    cpu_model: str = ""
    virt_type: str = "kvm"  # or "qemu"
    architecture: str = ""  # of its CPUs, such as "x86_64"
    cpu_features: tuple[str, ...] = ()
    cells: tuple[HostCell, ...] = ()
    guests: tuple[GuestKind, ...] = ()
    kinds: tuple[str, ...] = (WholeFunction.kind,)  # of resources that its agent can serve
    unsafe: tuple[str, ...] = ()  # words of `busway.domain.host_facts.ISOLATION`
    machine: tuple[str, ...] = ()  # the words of `MachineWord` that it can serve
    acts: tuple[str, ...] = ()  # the words of `GuestAct` that its agent can do
    booted: int = 0  # when its kernel started, in seconds since the epoch; 0 is not known
    chassis: Chassis | None = None  # of OVN
    paged: bool = False
    address: str = ""  # its own towards the control plane

    @property
    def pcpus(self) -> int:
        """How many CPUs it keeps for servers that have them for themselves; they are not among its `vcpus`."""
        return sum(len(core) for cell in self.cells for core in cell.cores)


@dataclass(frozen=True, slots=True)
class Observed:
    """All that an agent saw on its host.

    `sequence` grows with every report of a host (nanoseconds since the epoch); an older one is refused. `generation`
    is that of the Desired document that the agent had converged to, or tried to, when it looked. `wire` is the version
    of the document's form. Of the `unreadable` servers the report says something unknown: they are there, as they were.

    `handovers` tell how devices came back that servers had, each until a report with it was taken; `handover_key`
    checks their signatures.
    """

    host: str
    sequence: int
    generation: int
    boot_id: str
    resources: HostResources
    inventory: tuple[PciDevice, ...] = ()
    servers: tuple[ObservedServer, ...] = ()
    held: tuple[Held, ...] = ()
    agent_version: str = ""
    iommu: bool = False
    notes: tuple[str, ...] = field(default=())
    handovers: tuple[SignedHandover, ...] = ()
    handover_key: str = ""
    wire: int = WIRE_VERSION
    unreadable: tuple[Unreadable, ...] = ()
    mdev_parents: tuple[MdevParentSeen, ...] = ()
    vgpu_functions: tuple[MdevParentSeen, ...] = ()  # VFs that become vGPUs
    fabrics: tuple[MdevParentSeen, ...] = ()  # its NVLink fabric, where its agent serves one
    render_nodes: tuple[MdevParentSeen, ...] = ()  # those whose shares its operator has declared
