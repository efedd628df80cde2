"""What the agent remembers of one server in its folder, across restarts; and how a record is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from busway.domain.errors import HostError
from busway.domain.grant import Fault
from busway.domain.live_move import LiveProgress

_Record = TypeVar("_Record")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time that does not depend on the wall clock: seconds of the monotonic clock within one boot of the host."""

    boot_id: str
    seconds: float

    def passed(self, now: Moment) -> float:
        """Seconds since then; infinite if the host was restarted meanwhile."""
        return now.seconds - self.seconds if now.boot_id == self.boot_id else float("inf")


@dataclass(frozen=True, slots=True)
class AskedOut:
    """When a guest was asked to let go of something, for the first and for the last time."""

    first: Moment
    last: Moment


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """The counters carried out, what the config drive says, a pending ACPI shutdown, and the last fault.

    `disk` is the number of the disk that the domain was defined with, `definition` the digest of that definition, `options`
    that of the host's choices for all guests in it, "" where an older agent defined it, `rescue` the number of the disk that it is rescued from, 0 for none.
    `uploaded` is the image as which the disk was last uploaded, `uploaded_ephemeral` the same of the ephemeral disk.
    `stop_asked` is when the power button was pressed first, `stop_pressed` when it was last. `fault_for` names what was desired when the fault came: while
    that stays the same there is no point in trying again. `asked_out` are the MAC addresses of cards and the names of units
    that the guest was asked to let go since it was started. `handed` is the live migration by which its guest has left this host,
    `progress` how that went: from then on the guest is another host's, whatever becomes of the domain here. `sending` is the
    one that was begun last. `awaited` is the one by which it is to arrive here: until its source has said that it may run, a domain here is
    not the guest, whatever libvirt says of it.
    """

    starts: int = 0
    reboots: int = 0
    config_drive: str = ""
    stop_asked: Moment | None = None
    fault: Fault | None = None
    fault_for: str = ""
    disk: int = 1
    definition: str = ""
    options: str = ""
    uploaded: str = ""
    uploaded_ephemeral: str = ""
    rescue: int = 0
    asked_out: dict[str, AskedOut] = field(default_factory=dict)
    handed: str = ""
    sending: str = ""
    awaited: str = ""
    progress: LiveProgress = field(default_factory=LiveProgress)
    stop_pressed: Moment | None = None


def read_record(path: Path, kind: type[_Record]) -> _Record | None:
    """Reads a record, None when there is no such file.

    Raises `HostError` for a record that is damaged or can't be read: that is not the same as no record.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> HostError:
    """The error of a record that is damaged, or that can't be read now."""
    return HostError(
        f"The record {path} can't be read",
        detail=f"{error}. The server or device that it describes is left alone.",
        remedy="Check the disk of this host and the file. Repair the file, or remove it if nothing is left of the "
        "server or device that it describes.",
        code="record-unreadable",
    )
