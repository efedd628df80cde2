"""libvirt's configuration of the confinement of guests' QEMU, as the checks read it."""

from __future__ import annotations

import re

from busway.doctor.finding import Evidence
from busway.doctor.host import Host

QEMU_CONF = "/etc/libvirt/qemu.conf"


def find_setting(host: Host, name: str) -> Evidence | None:
    """The line of qemu.conf that sets a name, None where libvirt's default holds; the last one counts."""
    lines = re.findall(rf"(?m)^\s*({re.escape(name)}\s*=.*)$", host.text(QEMU_CONF) or "")
    return Evidence(QEMU_CONF, lines[-1].strip()) if lines else None


def value_of(line: Evidence | None) -> str:
    """The value of such a line without its quotes; "" for none."""
    return line.text.partition("=")[2].strip().strip("\"'").strip() if line else ""
