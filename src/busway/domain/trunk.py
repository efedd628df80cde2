"""Trunks: one card of a guest carries ports of other networks, each with a VLAN id on the card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from busway.domain.ids import PortId, ProjectId, ServerId, TrunkId

VLANS = range(1, 4095)  # the ids that IEEE 802.1Q gives to VLANs
MAX_SUBPORTS = 250  # whoever reads a trunk reads all of them


@dataclass(frozen=True, slots=True)
class SubPort:
    """A port that a trunk carries, with its VLAN id; `mac` is the port's own."""

    port_id: PortId
    vlan: int
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Trunk:
    """A trunk of a project; `port_id` is its parent, the port whose card carries the others, in the order of their VLAN ids.

    While it is not `up` nobody adds or removes sub-ports, or deletes it; what its guest sends passes as before. It is
    active while its parent is.
    """

    id: TrunkId
    project_id: ProjectId
    name: str
    port_id: PortId
    created: datetime
    description: str = ""
    up: bool = True
    sub_ports: tuple[SubPort, ...] = ()
    is_active: bool = False
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Carrier:
    """What carries a sub-port: its trunk and the parent of that, with the parent's server, and whether the parent is active."""

    trunk_id: TrunkId
    port_id: PortId
    vlan: int
    server_id: ServerId | None = None
    is_active: bool = False
