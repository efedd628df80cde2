"""The kind `nic`: a whole function of a network card, which is a port of a network (`binding:vnic_type` of Neutron)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from busway.domain.guest_network import DIRECT
from busway.domain.units.function import WholeFunction


@dataclass(frozen=True, slots=True)
class NicFunction(WholeFunction):
    """A virtual function (`direct`) that gets the port's MAC and VLAN, or a whole card (`direct-physical`) that keeps its own.

    The MAC is "" in a record of which only the name can be read. `vlan` 0 is none: frames go out as the guest sends them.
    """

    kind: ClassVar[str] = "nic"

    vnic: str = DIRECT
    mac: str = ""
    vlan: int = 0

    @property
    def is_virtual(self) -> bool:
        """True for a virtual function, whose PF keeps its driver and filters MAC and VLAN."""
        return self.vnic == DIRECT
