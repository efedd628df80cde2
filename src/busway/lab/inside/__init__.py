"""Files that run inside a lab host: put into its shared folder or its initramfs; only `place` is for Busway itself."""

from __future__ import annotations

import secrets
import sys
from importlib.resources import files
from pathlib import Path

from busway.lab.machine import CHANNEL_ADDRESS, CHANNEL_PORT, Machine

_SHARED = ("boot.sh", "execd.py", "qemu.conf", "libvirtd.conf")
_INITTAB = """\
::sysinit:/bin/sh /mnt/lab/boot.sh
::respawn:{python} -I -S /mnt/lab/execd.py {address} {port}
::respawn:/usr/sbin/libvirtd -f /etc/libvirt/libvirtd.conf
::restart:/bin/busybox init
"""


def place(share: Path, machine: Machine) -> None:
    """Put into the shared folder all that the machine needs to boot, with a fresh secret for the way in."""
    for name in _SHARED:
        (share / name).write_bytes(files(__name__).joinpath(name).read_bytes())
    inittab = _INITTAB.format(python=sys.executable, address=CHANNEL_ADDRESS, port=CHANNEL_PORT)
    (share / "inittab").write_text(inittab)
    facts = {
        "NAME": machine.name, "ADDRESS": machine.address, "MACHINE_ID": machine.uuid.hex, "MAC0": machine.mac(0),
        "LINK_ADDRESS": machine.link_address if machine.peer else "",
    }  # fmt: skip
    (share / "host.env").write_text("".join(f"{key}={value}\n" for key, value in facts.items()))
    (share / "heartbeat").unlink(missing_ok=True)
    secret = share / "secret"
    secret.unlink(missing_ok=True)
    secret.touch(mode=0o600)
    secret.write_text(secrets.token_hex(16))
