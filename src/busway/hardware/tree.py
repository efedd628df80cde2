"""Reads small files, links and folders of a sysfs or procfs tree; whatever can't be read is None, and nothing raises.

But for what this process lacks itself, descriptors or memory (`LACKS`): it says nothing of the tree, and an empty
answer would be taken for an empty machine.

Every file is opened without blocking and read up to a limit: a captured or invented tree may hold anything. The plain
`os` calls are here on purpose: a scan makes ten thousand of them, and `pathlib` costs four times more for each.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.errors import BadInput

_LIMIT = 1 << 20  # bytes; /proc/iomem of a large host has some hundred thousand
_MOST_NUMBERS = 1 << 16  # of CPUs or nodes
LACKS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_HEX = re.compile(r"(?:0x)?([0-9a-f]{1,16})", re.ASCII | re.IGNORECASE)


def find_bytes(path: str | Path, limit: int = _LIMIT) -> bytes | None:
    """Reads at most `limit` bytes of a file; None when it is absent, unreadable or no plain file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        raise_lack(error)
        return None
    try:
        return _read_all(handle, limit)
    except OSError:
        return None
    finally:
        os.close(handle)


def find_text(path: str | Path) -> str | None:
    """Reads a small text file without the space around it; None when it can't be read."""
    data = find_bytes(path)
    return None if data is None else data.decode("utf-8", errors="replace").strip()


def read_text(path: str | Path) -> str:
    """Reads a small text file; "" when it is empty, absent or unreadable."""
    return find_text(path) or ""


def find_number(path: str | Path) -> int | None:
    """Reads a decimal number."""
    return parse_number(read_text(path))


def parse_number(text: str) -> int | None:
    """Reads a decimal number of at most 18 digits; None for anything else."""
    text = text.strip()
    return int(text) if _NUMBER.fullmatch(text) else None


def parse_hex(text: str) -> int | None:
    """Reads a hexadecimal number of at most 64 bits, with or without 0x; None for anything else."""
    match = _HEX.fullmatch(text.strip())
    return int(match[1], 16) if match else None


def find_flag(path: str | Path) -> bool | None:
    """Reads a file that holds 0 or 1, N or Y."""
    return {"0": False, "1": True, "N": False, "Y": True}.get(read_text(path))


def find_link(path: str | Path, folder: int | None = None) -> str | None:
    """Where a symbolic link points, as written in it; None when there is no such link.

    `folder` is the descriptor of an open folder that the path is relative to.
    """
    try:
        return os.readlink(path, dir_fd=folder)
    except (OSError, ValueError):
        return None


def link_name(path: str | Path, folder: int | None = None) -> str | None:
    """The last part of where a symbolic link points, None when there is no such link."""
    target = find_link(path, folder)
    return (target.rstrip("/").rpartition("/")[2] or None) if target else None


def list_names(path: str | Path) -> list[str]:
    """The names in a folder, sorted; none when it can't be read."""
    try:
        return sorted(os.listdir(path))  # noqa: PTH208
    except (OSError, ValueError) as error:
        raise_lack(error)
        return []


def raise_lack(error: Exception) -> None:
    """Raises an error that comes of what this process lacks."""
    if isinstance(error, OSError) and error.errno in LACKS:
        raise error


def parse_address(name: str) -> PciAddress | None:
    """Reads a PCI address as Linux writes it; None for another name."""
    try:
        return PciAddress(name)
    except BadInput:  # a form that Linux does not write today is no reason to lose the others
        return None


def parse_addresses(names: Iterable[str]) -> list[PciAddress]:
    """Reads those of the names that are PCI addresses."""
    found = map(parse_address, names)
    return [address for address in found if address is not None]


def parse_list(text: str) -> frozenset[int] | None:
    """Reads a kernel list such as `0-5,12-17`; None if it is not such a list, an empty set for an empty one."""
    numbers: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        start, end = parse_number(first), parse_number(last or first)
        if not part and not numbers:
            continue
        if start is None or end is None or not 0 <= start <= end < _MOST_NUMBERS:
            return None
        numbers.update(range(start, end + 1))
    return frozenset(numbers)


def _read_all(handle: int, limit: int) -> bytes:
    data = os.read(handle, min(limit, 8192))
    if len(data) < 1000:  # a short attribute comes at once; a long file under /proc comes a page or so at a time
        return data
    parts = [data]
    while (size := sum(map(len, parts))) < limit and (more := os.read(handle, min(limit - size, 65536))):
        parts.append(more)
    return b"".join(parts)
