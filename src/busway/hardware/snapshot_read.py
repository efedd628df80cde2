"""Gathers what a snapshot holds: the entries of a machine's tree, scrubbed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from busway.hardware import snapshot_paths as paths
from busway.hardware.machine import Machine
from busway.hardware.mediated import mdev_folder
from busway.hardware.names import excerpt
from busway.hardware.snapshot_scrub import scrub_arguments, scrub_config, scrub_text
from busway.hardware.tree import find_bytes, find_link, list_names, parse_address, read_text

_ARGUMENTS = re.compile(r"proc/cmdline|etc/kernel/cmdline|etc/default/grub.*|.*/loader/entries/.*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, link or (with neither) folder of a tree; `unreadable` when it is there and can't be read."""

    path: str
    content: bytes | None = None
    link: str | None = None
    unreadable: bool = False


def read_entries(root: Path, *, with_serials: bool) -> Iterator[Entry]:
    """Reads all entries of a snapshot of the machine under `root`; a path may come twice."""
    tree = _Tree(root, with_serials)
    machine = Machine.read(root)
    for pattern in paths.PRESENCE:
        yield from (tree.presence(path) for path in tree.glob(pattern))
    for pattern in paths.TEXTS:
        yield from (tree.text(path) for path in tree.glob(pattern))
    for pattern in paths.TABLES:
        yield from (tree.binary(path) for path in tree.glob(pattern))
    for pattern in paths.SETTINGS:
        yield from (tree.settings(path) for path in tree.glob(pattern))
    for pattern in paths.MODULE_LISTS:
        yield from (tree.module_list(path) for path in tree.glob(pattern))
    for pattern in paths.LINKS:
        yield from (tree.link(path) for path in tree.glob(pattern) if tree.is_link(path))
    for function in machine:
        yield from _function(tree, tree.place(function.folder))
    for parent in machine.mdev_parents:
        if parse_address(parent.name) is None:
            yield from _mdev(tree, tree.place(mdev_folder(root, parent)) + "/mdev_supported_types")
    yield from _holders(tree)
    yield Entry("usr/share/misc/pci.ids", excerpt(root, machine))


class _Tree:
    """Makes entries of paths below the root."""

    def __init__(self, root: Path, with_serials: bool) -> None:
        self.root = root
        self.with_serials = with_serials

    def glob(self, pattern: str) -> list[str]:
        """The paths that match."""
        try:
            return sorted(str(path.relative_to(self.root)) for path in self.root.glob(pattern))
        except OSError:
            return []

    def names(self, path: str) -> list[str]:
        """The names in a folder."""
        return list_names(self.root / path)

    def place(self, path: str) -> str:
        """Where a path really leads, below the root."""
        return os.path.relpath(os.path.realpath(path), os.path.realpath(self.root))

    def is_link(self, path: str) -> bool:
        """True for a symbolic link."""
        return find_link(self.root / path) is not None

    def text(self, path: str) -> Entry:
        """A text file, scrubbed."""
        content = find_bytes(self.root / path)
        if content is None or self.with_serials:
            return Entry(path, content, unreadable=content is None)
        text = scrub_text(content.decode("utf-8", errors="replace"))
        return Entry(path, (scrub_arguments(text) if _ARGUMENTS.fullmatch(path) else text).encode())

    def binary(self, path: str) -> Entry:
        """A binary file as it is."""
        content = find_bytes(self.root / path)
        return Entry(path, content, unreadable=content is None)

    def module_list(self, path: str) -> Entry:
        """The lines of a list of modules that are about drivers for guests."""
        lines = read_text(self.root / path).splitlines()
        names = ["".join(line.partition(":")[:2]) for line in lines]  # what a module needs is left out
        kept = [f"{name}\n" for name in names if paths.MODULE_LINES.search(name)]
        return Entry(path, "".join(kept).encode())

    def settings(self, path: str) -> Entry:
        """The lines of a program's settings that say how guests are confined."""
        content = find_bytes(self.root / path)
        lines = (content or b"").decode("utf-8", errors="replace").splitlines()
        kept = "".join(f"{line}\n" for line in lines if paths.SETTING_LINES.match(line))
        return Entry(path, kept.encode() if content is not None else None, unreadable=content is None)

    def presence(self, path: str) -> Entry:
        """An empty file, or a folder for whatever leads to one."""
        return Entry(path) if (self.root / path).is_dir() else Entry(path, b"")

    def link(self, path: str) -> Entry:
        """A link with its text."""
        return Entry(path, link=find_link(self.root / path))


def _function(tree: _Tree, folder: str) -> Iterator[Entry]:
    yield Entry(folder)
    for name in tree.names(folder):
        path = f"{folder}/{name}"
        if paths.FUNCTION_LINKS.fullmatch(name) and tree.is_link(path):
            yield tree.link(path)
        elif paths.FUNCTION_TEXTS.fullmatch(name):
            yield tree.text(path)
        elif paths.FUNCTION_PRESENCE.fullmatch(name):
            yield Entry(path, b"")
        elif name == "vpd" and (mark := _mark_of(tree, path)):
            yield Entry(path, mark)
        elif name in paths.FUNCTION_NAMES:
            yield from _names_below(tree, path)
        elif name == "config" and read_text(tree.root / folder / "power/runtime_status") != "suspended":
            yield _config(tree, path)  # reading it of a sleeping device would wake that
    yield from (
        tree.text(f"{folder}/power/{name}") for name in paths.POWER_TEXTS if name in tree.names(f"{folder}/power")
    )
    vgpu = f"{folder}/nvidia"
    yield from (tree.text(f"{vgpu}/{name}") for name in tree.names(vgpu) if paths.VGPU_TEXTS.fullmatch(name))
    yield from _mdev(tree, f"{folder}/mdev_supported_types")


def _mark_of(tree: _Tree, path: str) -> bytes:
    """Of a function's product data only the word that its owner manages NVLink switches: the rest has serial numbers."""
    return paths.VPD_MARK if paths.VPD_MARK in (find_bytes(tree.root / path, 4096) or b"") else b""


def _names_below(tree: _Tree, path: str) -> Iterator[Entry]:
    """The folders two levels down, such as drm/card0 and sound/card1/pcmC1D3p; MAC addresses only when asked."""
    for name in tree.names(path):
        yield Entry(f"{path}/{name}")
        if path.endswith("/sound"):
            yield from (Entry(f"{path}/{name}/{node}") for node in tree.names(f"{path}/{name}") if "C" in node)
        if path.endswith("/net") and tree.with_serials:
            yield tree.text(f"{path}/{name}/address")


def _config(tree: _Tree, path: str) -> Entry:
    entry = tree.binary(path)
    if entry.content is None or tree.with_serials:
        return entry
    return Entry(path, scrub_config(entry.content))


def _mdev(tree: _Tree, folder: str) -> Iterator[Entry]:
    for name in tree.names(folder):
        here = tree.names(f"{folder}/{name}")
        yield from (tree.text(f"{folder}/{name}/{file}") for file in paths.MDEV_TEXTS if file in here)
        yield Entry(f"{folder}/{name}/devices")
        yield from (Entry(f"{folder}/{name}/devices/{one}") for one in tree.names(f"{folder}/{name}/devices"))


def _holders(tree: _Tree) -> Iterator[Entry]:
    """The names of processes that have device files open, and those files; nothing of other processes."""
    for pid in tree.names("proc"):
        links = [] if not pid.isdecimal() else [tree.link(f"proc/{pid}/fd/{fd}") for fd in tree.names(f"proc/{pid}/fd")]
        held = [entry for entry in links if _is_device(entry.link or "")]
        if held:
            yield tree.text(f"proc/{pid}/comm")
            yield from held


def _is_device(target: str) -> bool:
    return re.match(r"/dev/(?:dri|vfio|snd|nvidia|nvme|kfd)|/sys/devices/pci.*/resource[0-5]", target) is not None
