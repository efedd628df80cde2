"""Fetches one image of a catalogue: what came is kept when the connection is cut, and nothing is believed before it is whole."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from busway.catalogue.document import Choice, Item
from busway.catalogue.mirror import Source, not_there, unreachable
from busway.domain.errors import Conflict, Forbidden, StorageFull

Progress = Callable[[int], object]  # bytes that are there
Pause = Callable[[float], object]
_TRIES = 8
_LONGEST_PAUSE = 10.0
_RESERVE_BYTES = 64 * 1024**2
_PIECE = 1024**2


@dataclass(frozen=True, slots=True)
class Verified:
    """A file that is what the catalogue promised; `fetched` when it lies in the folder of downloads."""

    path: Path
    item: Item
    fetched: bool

    def digest(self, algorithm: str) -> str:
        """The data's hash with another algorithm; raises `Forbidden` if the file is no longer what was promised."""
        return _verified(self.path, self.item, algorithm)


@contextmanager
def download(
    mirror: Source, choice: Choice, folder: Path, progress: Progress, pause: Pause = time.sleep
) -> Iterator[Verified]:
    """The verified data of an image, while the block runs; an interrupted download continues where it ended.

    Errors: `Unavailable` after eight tries, `Forbidden` for data that is not as promised, `Conflict` while another
    process fetches the same.
    """
    item = choice.item
    if (path := mirror.local(item)) is not None:
        if not path.is_file():
            raise not_there(str(path), "The catalogue names it.")
        _verified(path, item)
        yield Verified(path, item, fetched=False)
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f"{item.checksum[1][:64]}.part"
    with _alone(part):
        resumed = _size(part) > 0
        try:
            _whole(mirror, item, part, progress, pause)
        except Forbidden:
            if not resumed:
                raise
            _whole(mirror, item, part, progress, pause)  # what was left of another day spoiled it
        yield Verified(part, item, fetched=True)
        part.unlink()


def _whole(mirror: Source, item: Item, part: Path, progress: Progress, pause: Pause) -> None:
    """Fetches what is missing, and verifies the whole. What is not as promised is removed."""
    try:
        _fetch(mirror, item, part, progress, pause)
        _verified(part, item)
    except Forbidden:
        part.unlink(missing_ok=True)
        raise


def _fetch(mirror: Source, item: Item, part: Path, progress: Progress, pause: Pause) -> None:
    if _size(part) > item.size:
        part.unlink()
    _check_room(part, item)
    for attempt in range(1, _TRIES + 1):
        have = _size(part)
        progress(have)
        if have == item.size:
            return
        try:
            _append(mirror, item, part, have, progress)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if attempt == _TRIES:
                raise unreachable(item.path, error, f"{_size(part)} of {item.size} bytes came. ") from error
            pause(min(2.0 ** (attempt - 1), _LONGEST_PAUSE))
    if _size(part) != item.size:
        raise unreachable(
            item.path, httpx.ReadError("the answer ends too early"), f"{_size(part)} of {item.size} bytes came. "
        )


def _append(mirror: Source, item: Item, part: Path, have: int, progress: Progress) -> None:
    """Takes in what one answer has; raises httpx's errors where another try may help, `Forbidden` where none will."""
    with mirror.stream(item, have) as answer:
        if answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.GONE, httpx.codes.FORBIDDEN):
            raise not_there(str(answer.url), f"The mirror answered {answer.status_code}; the catalogue names it.")
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise _broken_promise(item, f"the mirror's file ends at {have} bytes or before")
        if answer.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
            raise httpx.HTTPStatusError(
                f"the mirror answered {answer.status_code}", request=answer.request, response=answer
            )
        if answer.status_code == httpx.codes.OK:
            have = 0  # the mirror knows no ranges: it begins again
        _check_length(item, answer, have)
        with part.open("r+b" if have else "wb") as file:
            file.truncate(have)
            file.seek(have)
            for piece in answer.iter_raw():  # of a given size would lose what came before a cut
                have += len(piece)
                if have > item.size:
                    raise _broken_promise(item, "the mirror's file is larger")
                file.write(piece)
                progress(have)


def _check_length(item: Item, answer: httpx.Response, have: int) -> None:
    """Refuses at once what says itself that it is larger or smaller than promised."""
    length = answer.headers.get("content-length", "")
    if length.isdigit() and have + int(length) != item.size:
        raise _broken_promise(item, f"the mirror's file has {have + int(length)} bytes")


def _verified(path: Path, item: Item, algorithm: str = "sha256") -> str:
    """The hash of a file whose size and checksum are the promised ones."""
    kind, promised = item.checksum
    named, wanted, size = hashlib.new(kind), hashlib.new(algorithm), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            size += len(piece)
            named.update(piece)
            wanted.update(piece)
    if size == item.size and named.hexdigest() == promised:
        return wanted.hexdigest()
    raise _broken_promise(item, f"{path.name} has {size} bytes with the {kind} {named.hexdigest()}")


def _check_room(part: Path, item: Item) -> None:
    free = shutil.disk_usage(part.parent).free
    if free - (item.size - _size(part)) < _RESERVE_BYTES:
        raise StorageFull(
            f"There is no room for {item.size} bytes in {part.parent}",
            detail=f"{free} bytes are free.",
            remedy="Make room, or name another folder: --cache FOLDER",
            code="catalogue-room",
        )


@contextmanager
def _alone(part: Path) -> Iterator[None]:
    with part.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"Another process fetches {part.stem[:12]} into {part.parent}",
                remedy="Wait for it, or name another folder: --cache FOLDER",
                code="catalogue-busy",
            ) from error
        yield


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _broken_promise(item: Item, found: str) -> Forbidden:
    return Forbidden(
        f"{item.path} is not what the catalogue promises",
        detail=f"Promised are {item.size} bytes with the {' '.join(item.checksum)}; {found}.",
        remedy="Nothing of it is used. Tell who keeps the mirror; try another one: --from URL",
        code="catalogue-data",
    )
