"""Files with the data of images in the folder of a store: temporary files, and files named by their SHA-256.

A file is renamed to its SHA-256 before the row that refers to it is written. Both the deletion of a file (`purge`)
and the write of a row take the turn `DATA`: the deletion checks that no row refers to the file, the write checks
that the file still exists.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from busway.control.context import Control
from busway.control.durable import sync_folder
from busway.control.images.catalogue import DATA
from busway.control.images.purge import remove_data
from busway.control.images.stores import folder_of, is_there, places_of, taking
from busway.domain.errors import BuswayError, Unavailable
from busway.domain.image import Image
from busway.store.database import Tx, take_turn

_PIECE = 1024**2


@dataclass(frozen=True, slots=True)
class StoredData:
    """Size in bytes and hex digests of a file."""

    size: int
    md5: str
    sha256: str
    hash_algo: str
    hash_value: str

    @classmethod
    def of_image(cls, image: Image) -> StoredData:
        """Returns size and digests of the data that an image has."""
        return cls(image.size or 0, image.md5 or "", image.sha256 or "", image.hash_algo or "", image.hash_value or "")

    def of(self, image: Image) -> Image:
        """Returns the image with this size and these digests."""
        return replace(image, **asdict(self))


def new_path(control: Control, image: Image, store: str) -> Path:
    """Returns the path of a new temporary file in the folder of a store; raises `Unavailable` where there can be none."""
    folder = folder_of(control, store) / "tmp"
    with taking(store):
        for part in (folder.parent, folder):
            part.mkdir(mode=0o700, exist_ok=True)
            part.chmod(0o700)  # older ones could be looked into
    return folder / f"{image.owner}.{image.id}.{control.new_id()}"


class Digests:
    """Computes size and digests of data while it passes; `hash_algo` is the operator's secure hash."""

    def __init__(self, hash_algo: str) -> None:
        self._algo = hash_algo
        self._digests = (hashlib.md5(usedforsecurity=False), hashlib.sha256(), hashlib.new(hash_algo))
        self.size = 0

    def update(self, piece: bytes) -> None:
        """Takes the next piece."""
        self.size += len(piece)
        for digest in self._digests:
            digest.update(piece)

    def found(self) -> StoredData:
        """What all pieces together are."""
        md5, sha256, secure = (digest.hexdigest() for digest in self._digests)
        return StoredData(self.size, md5, sha256, self._algo, secure)


def digests_of(path: Path, hash_algo: str, watch: Callable[[], None]) -> StoredData:
    """Reads a whole file and syncs it to disk; returns its size and digests. `watch` is called after each MiB."""
    digests = Digests(hash_algo)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            watch()
            digests.update(piece)
        os.fsync(file.fileno())
    return digests.found()


def adopt(control: Control, path: Path, store: str, found: StoredData, settle: Callable[[Tx], Image]) -> Image:
    """Renames a synced file in a store and calls `settle`, which writes the row of its image; returns the image.

    Raises what `keep` and `settled` raise.
    """
    keep(control, path, store, found.sha256)
    return settled(control, found.sha256, settle)


def keep(control: Control, path: Path, store: str, sha256: str) -> None:
    """Renames a synced temporary file of a store to its SHA-256."""
    control.crashpoint("image:before-rename")
    data = folder_of(control, store) / sha256
    path.rename(data)
    sync_folder(data.parent)
    control.crashpoint("image:after-rename")


def settled(control: Control, sha256: str, settle: Callable[[Tx], Image]) -> Image:
    """Calls `settle`, which writes that an image has data in some stores; returns the image.

    Where that fails, the files that no row refers to are removed. Raises `Unavailable` if the data was deleted meanwhile
    with another image that had the same, and whatever `settle` raises.
    """
    try:
        return _settled(control, settle)
    except BuswayError:
        remove_data(control, sha256)  # no quota counts what no image has
        raise


def _settled(control: Control, settle: Callable[[Tx], Image]) -> Image:
    with control.db.write() as tx:
        take_turn(tx, DATA)  # from here on nobody forgets data that looks unused
        done = settle(tx)
        if not all(is_there(path) for path in places_of(control, done)):
            raise Unavailable(
                f"The data of image {done.id} was removed while it was stored, because an image with the same data was deleted",
                remedy="Upload it again.",
            )
    return done
