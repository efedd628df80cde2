"""What is known of a disk image after a look at its headers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Read = Callable[[int, int], bytes]  # offset and length in bytes


@dataclass(frozen=True, slots=True)
class ForeignDisk:
    """`virtual_size` is in bytes; `unfit` says why the file must not be opened, "" when it may; `is_one` that it is of its format."""

    virtual_size: int = 0
    unfit: str = ""
    names_other_file: bool = False
    is_one: bool = True


Look = Callable[[Read, int], ForeignDisk]


def other(why: str) -> ForeignDisk:
    """A file of another format."""
    return ForeignDisk(unfit=why, is_one=False)


def unfit(why: str, *, names_other_file: bool = False) -> ForeignDisk:
    """A file that nobody should open."""
    return ForeignDisk(unfit=why, names_other_file=names_other_file)
