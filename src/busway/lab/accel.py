"""KVM or TCG: by proof, because /dev/kvm existing proves nothing.

A paravirtual KVM was seen that aborts on an ordinary processor model and hangs a stock kernel, so the probe boots one.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from busway.domain.errors import InvalidConfig
from busway.lab import kernel
from busway.lab.cache import Cache
from busway.lab.cpio import Archive
from busway.lab.report import Report

_PROBE_SECONDS = 30
_MARK = "busway-kvm-works"
_INIT = f"#!/bin/busybox sh\n/bin/busybox echo {_MARK} > /dev/console\n/bin/busybox poweroff -f\n"


def choose(cache: Cache, report: Report) -> str:
    """Answer `kvm` where KVM runs an ordinary kernel, else `tcg`; `$BUSWAY_LAB_ACCEL` overrides."""
    forced = os.environ.get("BUSWAY_LAB_ACCEL", "")
    if forced in ("tcg", "kvm"):
        return forced
    if forced:
        raise InvalidConfig(f"BUSWAY_LAB_ACCEL is {forced!r}", remedy="Set it to tcg or kvm, or unset it")
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    def probe(new: Path) -> None:
        with report.step("Probe whether KVM runs an ordinary kernel"):
            new.write_text("kvm" if _boots(cache, new) else "tcg")

    return cache.entry(f"accel/{boot}", probe).read_text()


def _boots(cache: Cache, beside: Path) -> bool:
    archive = Archive()
    archive.copy("bin/busybox", Path("/bin/busybox"))
    archive.folder("dev")
    archive.file("init", _INIT.encode(), 0o755)
    initramfs = beside.with_name(beside.name + ".initramfs")
    initramfs.write_bytes(archive.pack())
    argv = [
        *("qemu-system-x86_64", "-accel", "kvm", "-M", "q35", "-cpu", "host", "-m", "512M", "-nodefaults"),
        *("-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", str(kernel.generic(cache).image)),
        *("-initrd", str(initramfs), "-append", "console=ttyS0 quiet panic=-1"),
    ]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_PROBE_SECONDS, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return False
    finally:
        initramfs.unlink(missing_ok=True)
    return _MARK.encode() in done.stdout
