"""Files with images' data: where a new one is written, and how it becomes an image's.

A file gets the name of its sha256 before the row that has it is written. So whoever removes data that no row has looks at the
rows in the same turn (`purge`), and whoever writes a row looks whether the file is still there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from busway.control.context import Control
from busway.control.durable import sync_folder
from busway.control.images.catalogue import DATA, image_folder
from busway.control.images.purge import remove_data
from busway.domain.errors import BuswayError, Unavailable
from busway.domain.image import Image
from busway.store.database import Tx, take_turn

_STALE_SECONDS = 86400
_PIECE = 1024**2


@dataclass(frozen=True, slots=True)
class StoredData:
    """Size in bytes and digests of a file."""

    size: int
    md5: str
    sha256: str
    sha512: str

    @classmethod
    def of_image(cls, image: Image) -> StoredData:
        """The data that an image has; all four are there with its sha256."""
        return cls(image.size or 0, image.md5 or "", image.sha256 or "", image.sha512 or "")

    def of(self, image: Image) -> Image:
        """The image with this data."""
        return replace(image, size=self.size, md5=self.md5, sha256=self.sha256, sha512=self.sha512)


def new_path(control: Control, image: Image) -> Path:
    """Where a new file for an image's data is written; what uploads of a day ago left behind is removed."""
    folder = image_folder(control) / "tmp"
    for part in (folder.parent, folder):
        part.mkdir(mode=0o700, exist_ok=True)
        part.chmod(0o700)  # those of before could be looked into
    _remove_stale(folder, control.now().timestamp())
    return folder / f"{image.owner}.{image.id}.{control.new_id()}"


def digests_of(path: Path, watch: Callable[[], None]) -> StoredData:
    """Reads a whole file, makes it durable, and tells its size and digests; `watch` is called for each MiB."""
    digests, size = (hashlib.md5(usedforsecurity=False), hashlib.sha256(), hashlib.sha512()), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            watch()
            size += len(piece)
            for digest in digests:
                digest.update(piece)
        os.fsync(file.fileno())
    return StoredData(size, *(digest.hexdigest() for digest in digests))


def adopt(control: Control, path: Path, found: StoredData, settle: Callable[[Tx], Image]) -> Image:
    """Gives a durable file its name; `settle` writes the row of the image that has it, in the turn of data.

    Raises `Unavailable` where the data was removed with another image's meanwhile, and what `settle` raises.
    """
    control.crashpoint("image:before-rename")
    data = image_folder(control) / found.sha256
    path.rename(data)
    sync_folder(data.parent)
    try:
        return _settled(control, data, settle)
    except BuswayError:
        remove_data(control, found.sha256)  # no quota counts what no image has
        raise


def _settled(control: Control, data: Path, settle: Callable[[Tx], Image]) -> Image:
    with control.db.write() as tx:
        take_turn(tx, DATA)  # from here on nobody forgets data that looks unused
        done = settle(tx)
        if not data.exists():
            raise Unavailable(
                f"The data of image {done.id} was removed while it was stored, because an image with the same data was deleted",
                remedy="Upload it again.",
            )
    return done


def _remove_stale(folder: Path, now: float) -> None:
    for path in folder.iterdir():
        try:
            if now - path.stat().st_mtime > _STALE_SECONDS:
                path.unlink()
        except FileNotFoundError:
            continue
