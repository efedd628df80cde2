"""The changes that a program may make, as wishes: how they look on a host depends on its distribution and boot loader."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KernelArgument:
    """Adds words to the kernel command line and takes others away."""

    add: str = ""
    remove: str = ""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """Adds lines to a file of ours, such as /etc/modprobe.d/busway.conf."""

    path: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    """Writes a value to a file below /sys, now."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class EarlyModules:
    """Puts modules into the initramfs."""

    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Initramfs:
    """Rebuilds the initramfs, because a file that it contains a copy of has changed."""


Change = KernelArgument | ConfigFile | Attribute | EarlyModules | Initramfs
