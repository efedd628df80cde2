"""Acts: what is really done to a host, exact to the byte; a plan is a list of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Makes a file hold exactly `content`; it may not exist yet."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class SetValue:
    """Writes a value to a file of the kernel's."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Run:
    """Runs a program after the files are written; `undo` after they are restored. Only on the running system."""

    command: tuple[str, ...]
    undo: tuple[str, ...] = ()


Act = WriteFile | SetValue | Run
