"""Where a device came from: what must be known to give it back, also by an agent that did not take it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from busway.hardware.binding import Binding
from busway.hardware.tree import read_text


@dataclass(frozen=True, slots=True)
class Before:
    """The driver of a function (None for none), its override ("" for none), and the boot of the host in which it was so.

    After another boot the host has the device as it likes: what was before is over. "" is an unknown boot.
    """

    driver: str | None
    override: str = ""
    boot_id: str = ""

    def is_over(self, root: Path) -> bool:
        """True if the host was restarted since then."""
        return bool(self.boot_id) and self.boot_id != read_boot_id(root)


def read_before(root: Path, now: Binding) -> Before:
    """What to write down of a function before it is taken."""
    return Before(now.driver, now.override, read_boot_id(root))


def read_boot_id(root: Path) -> str:
    """The name that the kernel gave to this boot of the host."""
    return read_text(f"{root}/proc/sys/kernel/random/boot_id")
