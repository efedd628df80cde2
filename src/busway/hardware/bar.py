"""Base address registers: the windows of memory and ports through which a function is reached."""

from __future__ import annotations

from dataclasses import dataclass, replace

from busway.hardware.tree import find_text, parse_hex, read_text

# Bits of the third column of `resource`, from include/linux/ioport.h.
_IO = 0x100
_MEMORY = 0x200
_PREFETCH = 0x2000
_WIDE = 0x100000
_UNSET = 0x20000000
_ROM_LINE = 6
_VF_LINES = range(7, 13)
_MIB = 1 << 20
_UNUSED = " ".join(["0x" + 16 * "0"] * 3)


@dataclass(frozen=True, slots=True)
class Bar:
    """One base address register; `size` and `resizable_sizes` are in bytes.

    `start` is None when the firmware and the kernel found no room for it: the function can't be used then.
    """

    index: int
    size: int
    start: int | None
    is_io: bool = False
    is_64bit: bool = False
    is_prefetchable: bool = False
    resizable_sizes: tuple[int, ...] = ()

    @property
    def end(self) -> int | None:
        """The last address inside."""
        return None if self.start is None else self.start + self.size - 1

    def contains(self, address: int) -> bool:
        """True when a physical address lies inside; never for ports."""
        return not self.is_io and self.start is not None and self.start <= address < self.start + self.size


@dataclass(frozen=True, slots=True)
class Bars:
    """What `resource` says: the BARs that are in use, the ROM's, and those of the VFs together (SR-IOV)."""

    own: tuple[Bar, ...] = ()
    rom: Bar | None = None
    vf: tuple[Bar, ...] = ()

    @property
    def memory(self) -> tuple[Bar, ...]:
        """The memory BARs."""
        return tuple(bar for bar in self.own if not bar.is_io)


def read_bars(folder: str, *, is_bridge: bool = False) -> Bars | None:
    """Reads the BARs of the function whose folder this is; None when the kernel does not say.

    Each line has start, end and flags; lines 0 to 5 are the BARs, 6 the ROM, 7 to 12 the VFs' BARs where the kernel
    has SR-IOV. A bridge shows its windows from line 7 on; they are left out.
    """
    text = find_text(f"{folder}/resource")
    if not text:
        return None
    lines = text.splitlines()[: _VF_LINES.start if is_bridge else _VF_LINES.stop]
    found = {index: bar for index, line in enumerate(lines) if line != _UNUSED and (bar := _parse(index, line))}
    own = tuple(_with_sizes(folder, bar) for index, bar in found.items() if index < _ROM_LINE)
    vf = tuple(bar for index, bar in found.items() if index in _VF_LINES)
    return Bars(own, found.get(_ROM_LINE), vf)


def _parse(index: int, line: str) -> Bar | None:
    values = [parse_hex(part) for part in line.split()]
    if len(values) != 3:
        return None
    start, end, flags = values
    if start is None or end is None or flags is None or not flags & (_IO | _MEMORY) or end < start:
        return None
    placed = not flags & _UNSET and start > 0
    return Bar(
        index=index - _VF_LINES.start if index in _VF_LINES else index,
        size=end - start + 1,
        start=start if placed else None,
        is_io=bool(flags & _IO),
        is_64bit=bool(flags & _WIDE),
        is_prefetchable=bool(flags & _PREFETCH),
    )


def _with_sizes(folder: str, bar: Bar) -> Bar:
    """Adds the sizes that the BAR may take, from `resourceN_resize`: bit n of its value stands for 2^n MiB."""
    mask = 0 if bar.is_io or bar.size < _MIB else parse_hex(read_text(f"{folder}/resource{bar.index}_resize"))
    if not mask:
        return bar
    return replace(bar, resizable_sizes=tuple(_MIB << bit for bit in range(64) if mask >> bit & 1))
