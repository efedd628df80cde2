"""A tenant that has a GPU as a guest has it: a process of its own with the device's memory through VFIO."""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import traceback
from collections.abc import Callable

from busway.domain.address import PciAddress
from busway.hardware import Machine

_SET_CONTAINER, _SET_IOMMU, _GET_DEVICE, _GET_REGION = 0x3B68, 0x3B66, 0x3B6A, 0x3B6C
_TYPE1V2, _BAR0, _CONFIG = 3, 0, 7
_COMMAND, _MEMORY = 0x04, 0x02  # the command register in configuration space, its bit that lets memory answer
_REGION = "=IIIIQQ"  # argsz, flags, index, cap_offset, size, offset (linux/vfio.h, struct vfio_region_info)


def write_everywhere(address: PciAddress, pattern: bytes) -> None:
    """A tenant fills the device's memory with its own words."""

    def fill(memory: mmap.mmap) -> bool:
        memory[:] = (pattern * (len(memory) // len(pattern) + 1))[: len(memory)]
        return memory.find(pattern) == 0

    assert _as_tenant(address, fill), "the tenant does not read what it wrote"


def finds(address: PciAddress, pattern: bytes) -> bool:
    """Whether a tenant finds these words anywhere in the device's memory."""
    return _as_tenant(address, lambda memory: memory.find(pattern) >= 0)


def _as_tenant(address: PciAddress, act: Callable[[mmap.mmap], bool]) -> bool:
    """Acts on the device's memory in a process that then ends, as a guest's QEMU does."""
    pid = os.fork()
    if pid == 0:
        code = 9
        try:
            code = 1 if act(_open_memory(address)) else 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, 1), "the tenant could not open the device"
    return code == 1


def _open_memory(address: PciAddress) -> mmap.mmap:
    """Opens the device as QEMU does: container, group, IOMMU, device, its BAR 0."""
    group = Machine.read().functions[address].iommu_group
    container, opened = os.open("/dev/vfio/vfio", os.O_RDWR), os.open(f"/dev/vfio/{group}", os.O_RDWR)
    fcntl.ioctl(opened, _SET_CONTAINER, struct.pack("i", container))
    fcntl.ioctl(container, _SET_IOMMU, _TYPE1V2)
    device = fcntl.ioctl(opened, _GET_DEVICE, bytearray(str(address).encode() + b"\0"), True)  # the descriptor itself
    config, _ = _region(device, _CONFIG)
    (command,) = struct.unpack("<H", os.pread(device, 2, config + _COMMAND))
    os.pwrite(device, struct.pack("<H", command | _MEMORY), config + _COMMAND)
    offset, size = _region(device, _BAR0)
    return mmap.mmap(device, size, offset=offset)


def _region(device: int, index: int) -> tuple[int, int]:
    wanted = struct.pack(_REGION, struct.calcsize(_REGION), 0, index, 0, 0, 0)
    _, _, _, _, size, offset = struct.unpack(_REGION, fcntl.ioctl(device, _GET_REGION, wanted))
    return offset, size
