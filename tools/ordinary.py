"""Gathers ordinary log lines from boots of the lab, which `busway why` must leave unanswered: `make ordinary-lines`.

A host with an IOMMU and one without, a guest with a passed card, libvirt with its debug log, QEMU's own log. Times, UUIDs,
MAC addresses and paths of this machine are taken out.
"""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.lab import guest

from busway.hardware.snapshot_scrub import scrub_text
from busway.lab import Lab, LabHost
from busway.lab.cache import default_cache
from busway.lab.image import build_guest_image
from tools.command import ROOT

FOLDER = ROOT / "tests" / "doctor" / "ordinary"
_LIBVIRT = b'\nlog_filters="1:qemu 1:hypervisor 1:util.pci 3:util"\n'
_MOST = 3000  # lines of one file
_PATIENCE = 900  # seconds; a guest in an emulated host on a busy machine is slow
_TIME = re.compile(r"^\[ *\d+\.\d+\]")
_OUTSIDE = re.compile(r"(?<![\w.])/(?:home|root|tmp|srv|opt|wo" + r"rk)/[^\s:,'\"]+")


def gather(folder: Path = FOLDER) -> None:
    """Boots the lab twice and writes one file for each source."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state:
        for name, iommu in (("with-iommu", True), ("without-iommu", False)):
            lab = Lab(Path(state) / name)
            try:
                (host,) = lab.up(gpus=8 if iommu else 1, iommu=iommu, memory_mib=4096 if iommu else 2048)
                _write(folder / f"{name}-kernel.log.gz", host.exec(["dmesg"]).text())
                for source, text in (_with_guest(host) if iommu else {}).items():
                    _write(folder / f"{name}-{source}.log.gz", text)
            finally:
                lab.down()


def _with_guest(host: LabHost) -> dict[str, str]:
    """Starts a guest that has a card, waits until it is ready, stops it, and reads what all said."""
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
        host.write(guest.DRIVE, guest.configuration_drive(key.with_suffix(".pub").read_text().strip(), b"#!/bin/sh\n"))
        settings = host.read("/etc/libvirt/libvirtd.conf")
        host.write("/etc/libvirt/libvirtd.conf", settings.replace(b"3:file", b"1:file") + _LIBVIRT)
        again = "kill $(pidof libvirtd); sleep 3; until virsh -q list; do sleep 1; done"  # init starts it again
        host.exec(["sh", "-c", again], timeout=120).text()
        address = host.exec(["sh", "-c", "lspci -D -d 1234:1111 | cut -d' ' -f1 | tail -1"]).text().strip()
        host.write("/run/hand-made.xml", guest.domain_xml(address).encode())
        image = str(build_guest_image(default_cache()))
        host.exec(["qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "qcow2", guest.DISK]).text()
        host.exec(["virsh", "-q", "define", "/run/hand-made.xml"]).text()
        host.exec(["virsh", "-q", "start", "hand-made"], timeout=_PATIENCE).text()
        console = guest.wait_for_console(host, b"busway-guest ready", _PATIENCE).decode("utf-8", "replace")
        port = host.forward(guest.ADDRESS, 22)
        inside = guest.ssh(key, port, "dmesg")
        host.exec(["virsh", "-q", "destroy", "hand-made"], timeout=60)
        return {
            "guest-console": console,
            "guest-kernel": inside,
            "libvirt": host.read("/var/log/libvirt/libvirtd.log").decode("utf-8", "replace"),
            "qemu": host.read("/var/log/libvirt/qemu/hand-made.log").decode("utf-8", "replace"),
        }


def _write(path: Path, text: str) -> None:
    lines = dict.fromkeys(_scrub(line) for line in text.splitlines() if line.strip())
    data = "".join(f"{line}\n" for line in list(lines)[:_MOST]).encode()
    path.write_bytes(gzip.compress(data, mtime=0))
    print(f"{path.relative_to(ROOT)}: {min(len(lines), _MOST)} lines")


def _scrub(line: str) -> str:
    return _TIME.sub("[    0.000000]", _OUTSIDE.sub("/path", scrub_text(line.rstrip())))


if __name__ == "__main__":
    gather(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
