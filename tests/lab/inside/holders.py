"""Processes that really hold a device: an open file, or a whole VFIO device as QEMU has one."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_GROUP_STATUS, _VIABLE = 0x3B67, 1

_VFIO_USER = """
import fcntl, os, struct, sys
group, address = sys.argv[1:]
container, opened = os.open("/dev/vfio/vfio", os.O_RDWR), os.open(f"/dev/vfio/{group}", os.O_RDWR)
fcntl.ioctl(opened, 0x3B68, struct.pack("i", container))  # VFIO_GROUP_SET_CONTAINER
fcntl.ioctl(container, 0x3B66, 3)  # VFIO_SET_IOMMU, type 1 version 2
fcntl.ioctl(opened, 0x3B6A, address.encode())  # VFIO_GROUP_GET_DEVICE_FD
print("holds it", flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(path: str) -> Iterator[subprocess.Popen[str]]:
    """A shell that has a device file open."""
    with _process(["sh", "-c", 'exec 3<>"$1"; echo holds it; read -r _', "sh", path]) as process:
        yield process


@contextmanager
def using(group: int, address: object) -> Iterator[subprocess.Popen[str]]:
    """A process that has the device through VFIO: the kernel waits for it before it unbinds vfio-pci."""
    with _process([sys.executable, "-I", "-S", "-c", _VFIO_USER, str(group), str(address)]) as process:
        yield process


def is_viable(group: int | None) -> bool:
    """What VFIO itself says of a group: may a guest have it."""
    handle = os.open(f"/dev/vfio/{group}", os.O_RDWR)
    try:
        status = fcntl.ioctl(handle, _GROUP_STATUS, struct.pack("II", 8, 0))
    finally:
        os.close(handle)
    return bool(struct.unpack("II", status)[1] & _VIABLE)


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds it\n"
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)
