"""Gathers ordinary log lines of real runs, which `busway why` must leave unanswered: `make ordinary-lines`.

The consoles of two lab hosts (with an IOMMU and without) and of the lab's guest, all the kernel says; libvirt's debug log of its
own test driver; what QEMU traces. Times, UUIDs, MAC addresses and paths of this machine are taken out.
"""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from busway.domain.errors import BuswayError
from busway.hardware.snapshot_scrub import scrub_text
from busway.lab import Lab, kernel, package
from busway.lab.cache import Cache, default_cache
from busway.lab.image import rootfs
from tools.command import ROOT

FOLDER = ROOT / "tests" / "doctor" / "ordinary"
_MOST = 1500  # lines of one file
_PATIENCE, _QUIET = 900.0, 120.0  # seconds: for one boot, and without a new line before a console counts as complete
_FIRMWARE = 12.0  # seconds
_LOUD = "loglevel=8 ignore_loglevel"
_TIME = re.compile(r"^\[ *\d+\.\d+\]")
_OUTSIDE = re.compile(r"(?<![\w.])/(?:home|root|tmp|srv|opt|wo" + r"rk)/[^\s:,'\"]+")
_HOST = re.compile(r"hostname: \S+")
_PANIC = "Kernel panic"
_QUESTIONS = (
    "list --all", "dumpxml test", "nodedev-list", "capabilities", "domcapabilities", "pool-list --all", "pool-dumpxml default-pool",
    "vol-list default-pool", "net-list --all", "net-dumpxml default", "iface-list", "secret-list", "nwfilter-list", "nodeinfo",
    "nodecpustats", "nodememstats", "freecell", "dominfo test", "vcpuinfo test", "domstats", "domblklist test", "domiflist test",
    "snapshot-list test", "checkpoint-list test", "suspend test", "resume test", "destroy test", "start test", "reboot test",
    "undefine test", "pool-refresh default-pool", "net-destroy default", "net-start default", "version", "hostname", "uri",
)  # fmt: skip


def gather(folder: Path = FOLDER) -> None:
    """Runs each source in turn and writes one file for it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, iommu in (("host-with-iommu", True), ("host-without-iommu", False)):
        _write(folder / f"{name}.log.gz", _host(iommu))
    kernel_lines, traced = _guest()
    _write(folder / "guest.log.gz", kernel_lines)
    _write(folder / "qemu.log.gz", traced)
    _write(folder / "libvirt.log.gz", _libvirt())
    _write(folder / "firmware.log.gz", _firmware())


def _host(iommu: bool) -> str:
    """What a lab host writes to its console; one that is too slow to be ready in time still boots."""
    with tempfile.TemporaryDirectory() as state:
        lab = Lab(Path(state))
        try:
            lab.up(gpus=4, iommu=iommu, memory_mib=2048, kernel_arguments=f"intel_iommu=on {_LOUD}")
        except BuswayError as error:
            print(f"the host is slow: {error}")
        try:
            return _console(next(Path(state).rglob("console.log")))
        finally:
            lab.down()


def _console(path: Path) -> str:
    """A console, once nothing has come for a while."""
    deadline, seen, since = time.monotonic() + _PATIENCE, -1, time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - since < _QUIET:
        size = path.stat().st_size
        if size != seen:
            seen, since = size, time.monotonic()
        time.sleep(1)
    return path.read_text("utf-8", "replace")


def _guest() -> tuple[str, str]:
    """What the lab's guest writes to its console, and what QEMU traces of its devices."""
    kept = Cache(default_cache())
    linux = kernel.cloud(kept)
    with tempfile.TemporaryDirectory() as folder:
        initrd, console, trace = (Path(folder) / name for name in ("initrd", "console", "trace"))
        initrd.write_bytes(rootfs.pack(linux, package.unpacked(kept, "guest", rootfs.PACKAGES)))
        console.touch()
        argv = [
            "qemu-system-x86_64",
            "-accel",
            "tcg",
            "-machine",
            "q35",
            "-cpu",
            "qemu64,+vmx,+hle",
            "-m",
            "512",
            "-display",
            "none",
        ]
        argv += [
            "-kernel",
            str(linux.image),
            "-initrd",
            str(initrd),
            "-append",
            f"console=ttyS0 {_LOUD}",
            "-nodefaults",
        ]
        argv += [
            "-serial",
            f"file:{console}",
            "-device",
            "bochs-display",
            "-device",
            "virtio-rng-pci",
            "-trace",
            "pci_update_mappings_*",
        ]
        with trace.open("wb") as errors, subprocess.Popen(argv, stderr=errors) as machine:
            try:
                shown = _console(console)
            finally:
                machine.terminate()
        return shown.partition(_PANIC)[0], trace.read_text("utf-8", "replace")


def _firmware() -> str:
    """What QEMU traces while SeaBIOS sets a machine up for some seconds."""
    argv = [
        "qemu-system-x86_64",
        "-accel",
        "tcg",
        "-machine",
        "q35",
        "-m",
        "256",
        "-display",
        "none",
        "-serial",
        "none",
    ]
    for word in ("pci_*", "fw_cfg_*", "virtio_*", "ahci_*", "serial_*", "pcie_*", "hpet_*"):
        argv += ["-trace", word]
    for device in (
        "e1000e",
        "pcie-root-port,id=below,chassis=1",
        "virtio-net-pci,bus=below",
        "bochs-display",
        "virtio-rng-pci",
    ):
        argv += ["-device", device]
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(argv, stderr=errors) as machine:
            time.sleep(_FIRMWARE)
            machine.terminate()
        errors.seek(0)
        return errors.read(1 << 20).decode("utf-8", "replace")


def _libvirt() -> str:
    """Libvirt's own words at their most, about machines that its test driver makes up."""
    env = {**os.environ, "LIBVIRT_DEBUG": "1"}
    commands = "; ".join(_QUESTIONS)
    argv = ["virsh", "-c", "test:///default", commands]
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120, check=False).stderr


def _write(path: Path, text: str) -> None:
    lines = [_scrub(line) for line in text.splitlines() if line.strip()][:_MOST]
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))
    print(f"{path.relative_to(ROOT)}: {len(lines)} lines", flush=True)


def _scrub(line: str) -> str:
    line = _HOST.sub("hostname: host", line)
    return _TIME.sub("[    0.000000]", _OUTSIDE.sub("/path", scrub_text(line.rstrip())))


if __name__ == "__main__":
    gather(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
