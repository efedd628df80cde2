"""Disks of guests that run are copied by a real libvirt and QEMU, and the copy is what the guest has."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from busway.hypervisor.adapter import LibvirtHypervisor
from busway.hypervisor.guest import GuestFiles, GuestOptions
from busway.hypervisor.seam import Hypervisor
from busway.hypervisor.xml import domain_xml
from busway.testing.hypervisor_contract import SERVER, CopyContract, until_copied
from busway.testing.stage import desired_server

URI = os.environ.get("BUSWAY_LIBVIRT_URI", "qemu:///system")
_PATTERN = b"what the image has " * 4096


class TestCopies(CopyContract):
    @pytest.fixture
    def folder(self) -> Iterator[Path]:
        """One that QEMU's user may look into."""
        made = Path(tempfile.mkdtemp(prefix="busway-copies-", dir="/var/tmp"))
        made.chmod(0o755)
        yield made
        shutil.rmtree(made)

    @pytest.fixture
    def disk(self, folder: Path) -> Path:
        """A layer over an image, as every root disk is."""
        image, disk = folder / "image", folder / "disk.qcow2"
        image.write_bytes(_PATTERN + bytes(8 << 20))
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(image), "-F", "raw", str(disk), "32M"]
        subprocess.run(command, check=True)
        return disk

    @pytest.fixture
    def running(self, folder: Path, disk: Path) -> Iterator[Hypervisor]:
        (folder / "config.iso").write_bytes(bytes(4096))
        files = GuestFiles(disk, folder / "config.iso", folder / "console.log")
        server = replace(desired_server(SERVER), nics=(), vcpus=1, ram_mb=64)
        hypervisor = LibvirtHypervisor(URI)
        hypervisor.define(domain_xml(server, files, GuestOptions(virt_type="qemu")))
        hypervisor.start(SERVER)
        yield hypervisor
        hypervisor.destroy(SERVER)
        hypervisor.undefine(SERVER)

    def test_the_copy_needs_no_other_file_and_has_what_the_disk_has(self, running: Hypervisor, disk: Path) -> None:
        """A paused guest writes nothing, so both can be compared."""
        running.pause(SERVER)
        copy = disk.with_name("copy.qcow2")
        running.begin_copy(SERVER, disk, copy)
        until_copied(running)
        running.destroy(SERVER)

        told = subprocess.run(["qemu-img", "info", str(copy)], check=True, capture_output=True, text=True).stdout
        same = subprocess.run(
            ["qemu-img", "compare", str(disk), str(copy)], check=False, capture_output=True, text=True
        )

        assert "backing file" not in told and "32 MiB" in told
        assert same.returncode == 0, same.stdout
        assert copy.stat().st_size < 12 << 20  # the 8 MiB of the image, and nothing of what was never written
