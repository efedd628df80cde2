"""Changes that would let a refused server be placed: of the request, by its user, or of the cloud, by its operator.

They are data, so that the scheduler can try one before it is suggested (`busway.scheduler.change`).
"""

from __future__ import annotations

from dataclasses import dataclass

from busway.domain.host_facts import ISOLATION
from busway.domain.ids import DeviceId, ServerId
from busway.domain.numa_policy import NumaPolicy
from busway.domain.within import WITHIN_EXTRA_SPEC, Within


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
    """Leave the host to the scheduler."""

    def __str__(self) -> str:
        return "leave the choice of the host to the scheduler"


@dataclass(frozen=True, slots=True)
class AskAnyZone:
    """Take any availability zone."""

    zone: str

    def __str__(self) -> str:
        return f"take any availability zone instead of {self.zone}"


@dataclass(frozen=True, slots=True)
class AskAlone:
    """Boot the server outside its group."""

    group: str

    def __str__(self) -> str:
        return f"leave server group {self.group} out"


@dataclass(frozen=True, slots=True)
class AskWithoutSpec:
    """Take a flavor without an extra spec."""

    key: str

    def __str__(self) -> str:
        return f"take a flavor without {self.key}"


@dataclass(frozen=True, slots=True)
class AskNumaPolicy:
    """Let the devices lie further from the guest's NUMA cells."""

    policy: NumaPolicy

    def __str__(self) -> str:
        return f"take a flavor with hw:pci_numa_affinity_policy={self.policy}"


@dataclass(frozen=True, slots=True)
class AskNumaCells:
    """Give the guest another number of NUMA cells, in equal shares."""

    count: int

    def __str__(self) -> str:
        return f"take a flavor with hw:numa_nodes={self.count}" if self.count else "take a flavor without hw:numa_nodes"


@dataclass(frozen=True, slots=True)
class AskSharedCpus:
    """Let the guest share the host's CPUs with others."""

    def __str__(self) -> str:
        return "take a flavor without hw:cpu_policy=dedicated"


@dataclass(frozen=True, slots=True)
class AskApart:
    """Let the devices lie in several parts of a host."""

    within: Within

    def __str__(self) -> str:
        return f"let the devices lie apart: take a flavor without {WITHIN_EXTRA_SPEC}={self.within}"


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
class MakeSafe:
    """Restore the isolation of a host's devices, or accept that it is weak; `unsafe` are words of `ISOLATION`."""

    host: str
    unsafe: tuple[str, ...]

    def __str__(self) -> str:
        acts = " and ".join(ISOLATION.get(word, ("", f"fix {word}"))[1] for word in self.unsafe)
        accepted = ", ".join(self.unsafe)
        return f"{acts} on host {self.host}, or accept it with [busway] accept_weak_isolation = {accepted}"


@dataclass(frozen=True, slots=True)
class MakeChassis:
    """Make a host a chassis of OVN."""

    host: str

    def __str__(self) -> str:
        return f"make host {self.host} a chassis of OVN, as docs/how-to/networks.md shows"


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
        return f"fix {', '.join(self.addresses)} of host {self.host} and take it out of quarantine"


@dataclass(frozen=True, slots=True)
class OfferDevices:
    """Offer devices with a device_spec."""

    host: str
    devices: tuple[DeviceId, ...]
    addresses: tuple[str, ...]

    def __str__(self) -> str:
        return f"offer {', '.join(self.addresses)} of host {self.host} with a [pci] device_spec"


@dataclass(frozen=True, slots=True)
class JoinAggregate:
    """Put a host into an aggregate whose metadata meet the request."""

    host: str
    metadata: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return (
            f"add host {self.host} to an aggregate with {', '.join(f'{key}={value}' for key, value in self.metadata)}"
        )


@dataclass(frozen=True, slots=True)
class AdmitProject:
    """Let a host take servers of a project, by the metadata of its aggregates."""

    host: str
    project: str

    def __str__(self) -> str:
        return f"name project {self.project} in filter_tenant_id of an aggregate of host {self.host}"


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
    | AskAnyZone
    | AskAlone
    | AskWithoutSpec
    | AskNumaPolicy
    | AskNumaCells
    | AskSharedCpus
    | AskApart
    | AskFewerServers
    | EnableHost
    | StartHost
    | MakeSafe
    | MakeChassis
    | FreeDevices
    | ReleaseDevices
    | OfferDevices
    | JoinAggregate
    | AdmitProject
    | AddHost
)


@dataclass(frozen=True, slots=True)
class Remedy:
    """Changes that together admit the request."""

    changes: tuple[Change, ...]

    def __str__(self) -> str:
        return " and ".join(str(change) for change in self.changes)
