"""Changes that would let a refused server be placed: of the request, by its user, or of the cloud, by its operator.

They are data, so that the scheduler can try one before it is told to anybody (`busway.scheduler.change`).
"""

from __future__ import annotations

from dataclasses import dataclass

from busway.domain.ids import DeviceId, ServerId


@dataclass(frozen=True, slots=True)
class AskFewer:
    """Ask for fewer devices of an alias; `index` is the request's place in the flavor."""

    index: int
    alias: str
    count: int

    def __str__(self) -> str:
        return f"ask for {self.count} of {self.alias}"


@dataclass(frozen=True, slots=True)
class AskLess:
    """Take a smaller flavor: `field` is vcpus, ram_mb or disk_gb."""

    field: str
    amount: int

    def __str__(self) -> str:
        words = {"vcpus": "{} vCPUs", "ram_mb": "{} MB of RAM", "disk_gb": "{} GB of disk"}
        return f"take a flavor with {words[self.field].format(self.amount)}"


@dataclass(frozen=True, slots=True)
class AskAnywhere:
    """Leave the host and the zone to the scheduler."""

    def __str__(self) -> str:
        return "leave the choice of the host to the scheduler"


@dataclass(frozen=True, slots=True)
class AskFewerServers:
    """Ask for fewer servers at once."""

    count: int

    def __str__(self) -> str:
        return f"ask for {self.count} server{'' if self.count == 1 else 's'} at once"


@dataclass(frozen=True, slots=True)
class EnableHost:
    """Let new servers go to a host."""

    host: str

    def __str__(self) -> str:
        return f"enable host {self.host}"


@dataclass(frozen=True, slots=True)
class StartHost:
    """Bring the agent of a host back."""

    host: str

    def __str__(self) -> str:
        return f"start host {self.host}, whose agent does not report"


@dataclass(frozen=True, slots=True)
class FreeDevices:
    """Delete the servers that hold devices of a host."""

    host: str
    servers: tuple[ServerId, ...]

    def __str__(self) -> str:
        noun = "server" if len(self.servers) == 1 else "servers"
        return f"delete {noun} {', '.join(self.servers)} on host {self.host}"


@dataclass(frozen=True, slots=True)
class ReleaseDevices:
    """Take devices out of quarantine."""

    host: str
    devices: tuple[DeviceId, ...]
    addresses: tuple[str, ...]

    def __str__(self) -> str:
        return f"mend {', '.join(self.addresses)} of host {self.host} and take it out of quarantine"


@dataclass(frozen=True, slots=True)
class OfferDevices:
    """Offer devices with a device_spec."""

    host: str
    devices: tuple[DeviceId, ...]
    addresses: tuple[str, ...]

    def __str__(self) -> str:
        return f"offer {', '.join(self.addresses)} of host {self.host} with a [pci] device_spec"


@dataclass(frozen=True, slots=True)
class AddHost:
    """Add a host that has what the request asks for, free."""

    needs: str

    def __str__(self) -> str:
        return f"add a host with {self.needs}"


Change = (
    AskFewer
    | AskLess
    | AskAnywhere
    | AskFewerServers
    | EnableHost
    | StartHost
    | FreeDevices
    | ReleaseDevices
    | OfferDevices
    | AddHost
)
_OF_THE_USER = (AskFewer, AskLess, AskAnywhere, AskFewerServers)


@dataclass(frozen=True, slots=True)
class Remedy:
    """Changes that together admit the request."""

    changes: tuple[Change, ...]

    @property
    def is_for_the_user(self) -> bool:
        """True when it changes the request and not the cloud."""
        return all(isinstance(change, _OF_THE_USER) for change in self.changes)

    def __str__(self) -> str:
        return " and ".join(str(change) for change in self.changes)
