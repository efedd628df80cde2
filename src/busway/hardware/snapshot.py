"""Snapshots: the relevant /sys and /proc of a machine in one file, which is a fixture that every reading function takes.

A snapshot is a gzipped tar of small files and links; `unpack` makes a tree of it again. Without root some files are
missing from it, and its manifest says which.
"""

from __future__ import annotations

import gzip
import io
import json
import posixpath
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from busway.domain.errors import BadInput
from busway.hardware.snapshot_read import Entry, read_entries
from busway.hardware.snapshot_scrub import scrub_text

MANIFEST = "busway-snapshot.json"
_FORMAT = 1
_OPEN_FILE = re.compile(r"proc/[0-9]+/fd/[0-9]+", re.ASCII)
_LIMIT = 512 << 20  # bytes in all; a snapshot of a large host has 10 MB


@dataclass(frozen=True, slots=True)
class Captured:
    """How many files and links a snapshot holds, and the files that could not be read."""

    entries: int
    unreadable: tuple[str, ...]


def capture(
    root: Path, target: Path, *, with_serials: bool = False, answers: Mapping[str, str] | None = None
) -> Captured:
    """Writes a snapshot of the machine under `root` to the file `target`; `answers` are further texts by their names.

    Serial numbers, MAC addresses and UUIDs are left out unless `with_serials`. The same tree gives the same bytes.
    """
    entries = list(read_entries(root, with_serials=with_serials))
    entries += [
        Entry(path, content=(text if with_serials else scrub_text(text)).encode())
        for path, text in (answers or {}).items()
    ]
    unreadable = tuple(sorted(entry.path for entry in entries if entry.unreadable))
    manifest = {"format": _FORMAT, "with_serials": with_serials, "unreadable": unreadable}
    head = Entry(MANIFEST, content=(json.dumps(manifest, indent=2) + "\n").encode())
    kept = {entry.path: entry for entry in [head, *entries] if not entry.unreadable}
    partial = target.with_name(target.name + ".partial")
    with (
        partial.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(kept):
            _add(archive, kept[path])
    partial.replace(target)
    return Captured(len(kept) - 1, unreadable)


def unpack(snapshot: Path, folder: Path) -> Path:
    """Unpacks a snapshot into `folder`, which is made if need be, and returns it: the root of the machine's tree.

    Raises `BadInput` for a file that is not a snapshot, or has names that lead out of the folder.
    """
    try:
        with tarfile.open(snapshot, "r:gz") as archive:
            members = _checked(snapshot, archive)
            folder.mkdir(parents=True, exist_ok=True)
            for member in members:
                _place(archive, member, folder)
            for member in members:  # links come last: nothing is ever written through one
                if member.issym():
                    _link(folder, member)
    except (OSError, EOFError, tarfile.TarError, ValueError) as error:
        raise _invalid(snapshot, str(error)) from error
    return folder


@contextmanager
def open_tree(path: Path) -> Iterator[Path]:
    """Gives the tree of a machine: the folder itself, or that of a snapshot file, unpacked for as long as it is used."""
    if path.is_dir():
        yield path
        return
    with TemporaryDirectory(prefix="busway-snapshot-") as folder:
        yield unpack(path, Path(folder))


def _add(archive: tarfile.TarFile, entry: Entry) -> None:
    info = tarfile.TarInfo(entry.path)
    info.mode = 0o644
    if entry.link is not None:
        info.type = tarfile.SYMTYPE
        info.linkname = entry.link
        archive.addfile(info)
    elif entry.content is None:
        info.type = tarfile.DIRTYPE
        info.mode = 0o755
        archive.addfile(info)
    else:
        info.size = len(entry.content)
        archive.addfile(info, io.BytesIO(entry.content))


def _checked(snapshot: Path, archive: tarfile.TarFile) -> list[tarfile.TarInfo]:
    members, total = [], 0
    for member in archive:
        path = PurePosixPath(member.name)
        total += member.size
        if path.is_absolute() or ".." in path.parts or not _is_harmless(member):
            raise _invalid(snapshot, f"It holds '{member.name}', which no snapshot has.")
        if total > _LIMIT:
            raise _invalid(snapshot, f"It holds more than {_LIMIT >> 20} MiB.")
        members.append(member)
    if MANIFEST not in {member.name for member in members}:
        raise _invalid(snapshot, f"It has no {MANIFEST}.")
    return members


def _is_harmless(member: tarfile.TarInfo) -> bool:
    """True for files, folders, and links that stay inside; the open files of processes are only ever read as text."""
    if not member.issym():
        return member.isreg() or member.isdir()
    if _OPEN_FILE.fullmatch(member.name):
        return True
    target = posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.linkname))
    return not target.startswith(("/", "../")) and target != ".."


def _place(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    path = folder / member.name
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
    elif member.isreg():
        path.parent.mkdir(parents=True, exist_ok=True)
        content = archive.extractfile(member)
        path.write_bytes(content.read() if content else b"")


def _link(folder: Path, member: tarfile.TarInfo) -> None:
    path = folder / member.name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent.resolve() != folder.resolve() / PurePosixPath(member.name).parent:
        raise ValueError(f"The link {member.name} lies below another link.")
    path.symlink_to(member.linkname)


def _invalid(snapshot: Path, detail: str) -> BadInput:
    return BadInput(
        f"{snapshot} is not a snapshot of a machine",
        detail=detail,
        remedy="Create one with `busway snapshot --output FILE` on the machine.",
        code="invalid-snapshot",
    )
