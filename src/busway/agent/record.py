"""What the agent remembers of one server in its folder, across restarts; and how a record is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from busway.domain.errors import HostError
from busway.domain.grant import Fault

_Record = TypeVar("_Record")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time that no clock change moves: seconds of the monotonic clock within one boot of the host."""

    boot_id: str
    seconds: float

    def passed(self, now: Moment) -> float:
        """Seconds since then; infinite if the host was restarted meanwhile."""
        return now.seconds - self.seconds if now.boot_id == self.boot_id else float("inf")


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """The counters carried out, what the config drive says, a pending ACPI shutdown, and the last fault.

    `disk` is the number of the disk that the domain was defined with, `definition` the digest of that definition,
    `rescue` the number of the disk that it is rescued from, 0 for none.
    `uploaded` is the image as which the disk was last uploaded.
    `stop_asked` is when the power button was pressed. `fault_for` names what was desired when the fault came: while
    that stays the same there is no point in trying again.
    """

    starts: int = 0
    reboots: int = 0
    config_drive: str = ""
    stop_asked: Moment | None = None
    fault: Fault | None = None
    fault_for: str = ""
    disk: int = 1
    definition: str = ""
    uploaded: str = ""
    rescue: int = 0


def read_record(path: Path, kind: type[_Record]) -> _Record | None:
    """Reads a record, None when there is no such file.

    Raises `HostError` for one that can't be read or is damaged: that it is not known is not that there is none.
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
