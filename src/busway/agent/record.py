"""What the agent remembers of one server in its folder, across restarts."""

from __future__ import annotations

from dataclasses import dataclass

from busway.domain.grant import Fault


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """The counters carried out, what the config drive says, a pending ACPI shutdown, and the last fault.

    `disk` is the number of the disk that the domain was defined with, `definition` the digest of that definition.
    `uploaded` is the image as which the disk was last handed in.
    `stop_asked_ns` is in nanoseconds since the epoch. `fault_for` names what was desired when the fault came: while
    that stays the same there is no point in trying again.
    """

    starts: int = 0
    reboots: int = 0
    config_drive: str = ""
    stop_asked_ns: int | None = None
    fault: Fault | None = None
    fault_for: str = ""
    disk: int = 1
    definition: str = ""
    uploaded: str = ""
