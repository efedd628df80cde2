"""Bytes of an invented function's configuration space and text of its `resource` file, as the kernel shows them."""

from __future__ import annotations

from collections.abc import Sequence

from busway.hardware.bar import Bar

# Bits of the third column of `resource`, from include/linux/ioport.h: I/O 0x100, memory 0x200, and so on.
_IO, _MEMORY, _PREFETCH, _SIZE_ALIGN, _WIDE, _UNSET = 0x100, 0x200, 0x2000, 0x40000, 0x100000, 0x20000000
_LINES = 7  # BARs 0 to 5 and the ROM
_POWER, _MSI, _EXPRESS = 0x60, 0x68, 0x78  # where the capabilities lie


def config_space(ids: str, class_code: str, subsystem: str, revision: int, *, is_bridge: bool) -> bytes:
    """The first 256 bytes: the header, and the capabilities power management, MSI and PCI Express."""
    vendor, product = (int(part, 16).to_bytes(2, "little") for part in ids.split(":"))
    data = bytearray(256)
    data[0:4] = vendor + product
    data[0x06] = 0x10  # there is a list of capabilities
    data[0x08:0x0C] = bytes([revision, *reversed(bytes.fromhex(class_code))])
    data[0x0E] = 1 if is_bridge else 0
    if not is_bridge:
        data[0x2C:0x30] = b"".join(int(part, 16).to_bytes(2, "little") for part in subsystem.split(":"))
    data[0x34] = _POWER
    data[_POWER : _POWER + 4] = bytes([0x01, _MSI, 0x03, 0x00])
    data[_MSI : _MSI + 4] = bytes([0x05, _EXPRESS, 0x80, 0x00])
    data[_EXPRESS : _EXPRESS + 4] = bytes([0x10, 0x00, 0x42 if is_bridge else 0x02, 0x00])
    return bytes(data)


def modalias(ids: str, class_code: str, subsystem: str) -> str:
    """The line by which the kernel's modules find their devices."""
    (vendor, product), (sub_vendor, sub) = ids.upper().split(":"), subsystem.upper().split(":")
    base, subclass, interface = (class_code[i : i + 2].upper() for i in (0, 2, 4))
    return f"pci:v0000{vendor}d0000{product}sv0000{sub_vendor}sd0000{sub}bc{base}sc{subclass}i{interface}"


def resource(bars: Sequence[Bar]) -> str:
    """The `resource` file; a Bar of index 6 is the ROM."""
    lines = [_line(0, 0, 0)] * _LINES
    for bar in bars:
        start = bar.start or 0
        flags = _IO if bar.is_io else _MEMORY | _SIZE_ALIGN
        flags |= (_PREFETCH if bar.is_prefetchable else 0) | (_WIDE if bar.is_64bit else 0)
        lines[bar.index] = _line(start, start + bar.size - 1, flags | (_UNSET if bar.start is None else 0))
    return "\n".join(lines)


def resize(bar: Bar) -> str:
    """The `resourceN_resize` file: bit n stands for 2^n MiB."""
    return f"{sum(size >> 20 for size in bar.resizable_sizes):016x}"


def _line(start: int, end: int, flags: int) -> str:
    return f"0x{start:016x} 0x{end:016x} 0x{flags:016x}"
