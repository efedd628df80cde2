"""How near to each other all PCI devices of a server must lie: `busway:pci_within` of a flavor."""

from __future__ import annotations

from enum import StrEnum

from busway.domain.errors import InvalidExtraSpec

WITHIN_EXTRA_SPEC = "busway:pci_within"


class Within(StrEnum):
    """The part of a host that holds all devices of a server, the smallest first.

    `switch`: the PCIe switch right above each of them. `numa`: one NUMA node. `socket`: the nodes of one socket.
    """

    SWITCH = "switch"
    NUMA = "numa"
    SOCKET = "socket"

    @property
    def words(self) -> str:
        """As people say it: "one switch"."""
        return "one NUMA node" if self is Within.NUMA else f"one {self.value}"


def parse_within(value: str) -> Within:
    """Reads the extra spec's word; raises `InvalidExtraSpec`."""
    if value not in tuple(Within):
        raise InvalidExtraSpec(
            f"{WITHIN_EXTRA_SPEC}={value} is no part of a host",
            detail=f"It may be {', '.join(Within)}.",
            remedy=f"Set it like {WITHIN_EXTRA_SPEC}={Within.SWITCH}.",
        )
    return Within(value)
