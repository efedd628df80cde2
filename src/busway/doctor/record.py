"""One line of the journal: what a file, a value or a program was before an act, and what is after it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from busway.doctor.act import Act, Run, SetValue, WriteFile
from busway.domain.errors import HostError
from busway.hardware.durable import beside, write_durably
from busway.hardware.tree import find_bytes, find_text

_MOST = 1 << 24  # bytes of a configuration file


@dataclass(frozen=True, slots=True)
class Record:
    """`kind` is "file", "value", "run", or "journal" for its first line; `before` None is no file; `folders` were made for the file, outermost first."""

    kind: str
    path: str = ""
    before: bytes | None = None
    after: bytes | None = None
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)
    folders: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()

    @property
    def before_text(self) -> str:
        """A value of the kernel's, as it was."""
        return (self.before or b"").decode()

    def content_now(self, root: Path) -> bytes | None:
        """What the file holds now; None when there is none."""
        return find_bytes(root / self.path.lstrip("/"), _MOST)

    def write_after(self, root: Path, watch: Callable[[str], None]) -> None:
        """Writes the new content at once: a reader, or a crash, sees the old file or the new one."""
        path = root / self.path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, self.after or b"", self, watch)

    def as_json(self) -> dict[str, object]:
        """The line of the journal."""
        return {
            "kind": self.kind,
            "path": self.path,
            "before": _encode(self.before),
            "after": _encode(self.after),
            "mode": self.mode,
            "owner": list(self.owner),
            "folders": list(self.folders),
            "undo": list(self.undo),
        }


def take(root: Path, act: Act) -> Record:
    """Records the state before an act."""
    match act:
        case WriteFile(path=path, content=content):
            full = _inside(root, path)
            before = find_bytes(full, _MOST)
            if before is None and os.path.lexists(full):
                raise _unusable(path, "It can't be read, or is not a plain file.")
            if before is None:
                owner = os.geteuid(), os.getegid()
                return Record("file", path, None, content, folders=missing_folders(root, full), owner=owner)
            about = full.stat()
            return Record("file", path, before, content, about.st_mode & 0o7777, (about.st_uid, about.st_gid))
        case SetValue(path=path, value=value):
            text = find_text(root / path.lstrip("/"))
            if text is None:
                raise _unusable(path, "The kernel does not show it.")
            return Record("value", path, text.encode(), value.encode())
        case Run(undo=undo):
            return Record("run", undo=undo)


def restore(root: Path, record: Record) -> None:
    """Makes a file what it was, and removes what a crash or the act itself has left beside it."""
    path = root / record.path.lstrip("/")
    beside(path).unlink(missing_ok=True)
    if record.before is None:
        path.unlink(missing_ok=True)
    elif record.content_now(root) != record.before:
        _replace(path, record.before, record, lambda _point: None)
    remove_folders(root, record.folders)


def missing_folders(root: Path, path: Path) -> tuple[str, ...]:
    """The folders above a file that are not there yet, outermost first."""
    made = [folder for folder in path.parents if folder.is_relative_to(root) and not os.path.lexists(folder)]
    return tuple(str(folder.relative_to(root)) for folder in reversed(made))


def remove_folders(root: Path, folders: tuple[str, ...]) -> None:
    """Removes folders that were made, innermost first, unless somebody else has put a file there since."""
    for folder in reversed(folders):
        with contextlib.suppress(OSError):  # also when the crash came before it was made
            (root / folder).rmdir()


def read_records(path: Path) -> list[Record]:
    """Reads the journal; a last line that a crash cut short was not acted on yet."""
    data = find_bytes(path, 1 << 28) or b""
    lines = data.decode("utf-8", "replace").split("\n")[:-1]
    return [_from_json(json.loads(line)) for line in lines]


def _replace(path: Path, content: bytes, record: Record, watch: Callable[[str], None]) -> None:
    write_durably(path, content, record.mode, owner=record.owner if os.geteuid() == 0 else None, watch=watch)


def _inside(root: Path, path: str) -> Path:
    """The file under the root; a link in the way may lead out of it, to another machine's file."""
    full = root / path.lstrip("/")
    if full.is_symlink() or not full.parent.resolve().is_relative_to(root.resolve()):
        raise _unusable(path, "It is a symbolic link, or lies behind one that leaves the root folder.")
    return full


def _unusable(path: str, words: str) -> HostError:
    return HostError(
        f"{path} can't be changed safely", detail=words, remedy="Make this change by hand.", code="unsafe-change"
    )


def _encode(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _from_json(fields: dict[str, object]) -> Record:
    def data(name: str) -> bytes | None:
        text = fields[name]
        return None if text is None else base64.b64decode(str(text))

    owner = fields["owner"]
    assert isinstance(owner, list)
    return Record(
        kind=str(fields["kind"]),
        path=str(fields["path"]),
        before=data("before"),
        after=data("after"),
        mode=int(str(fields["mode"])),
        owner=(int(owner[0]), int(owner[1])),
        folders=_words(fields["folders"]),
        undo=_words(fields["undo"]),
    )


def _words(value: object) -> tuple[str, ...]:
    assert isinstance(value, list)
    return tuple(map(str, value))
