"""Makes a backup while the control plane runs: the database first, then the images that it names."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from busway import __version__
from busway.bootstrap.backup.manifest import CONFIG, DATABASES, MANIFEST, ImageName, Manifest, Member
from busway.bootstrap.backup.places import image_places
from busway.bootstrap.config import Config
from busway.domain.errors import Conflict, NotFound
from busway.store import images
from busway.store.copy import copy_out
from busway.store.database import Database
from busway.store.schema import revision_of

_APART = {"agent", "images"}  # an agent's own folder, and what has a part of its own in the archive


def back_up(config: Config, config_file: Path | None, target: Path, *, with_images: bool) -> Manifest:
    """Writes one archive, whole or not at all, readable by its owner only; returns what is in it.

    Raises `Conflict` where `target` is there already, `NotFound` where there is no database.
    """
    if target.exists():
        raise Conflict(
            f"{target} exists already", remedy="Choose another name; backups are not overwritten.", code="backup-exists"
        )
    db = _open(config)
    try:
        # Beside the target: that is where there is room.
        with tempfile.TemporaryDirectory(prefix=".busway-backup-", dir=target.parent) as name:
            partial, copy = Path(name) / "partial", Path(name) / "database"
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                manifest = _write(config, config_file, db, (file, copy), with_images=with_images)
                file.flush()
                os.fsync(file.fileno())
            os.link(partial, target)  # refuses one that came meanwhile
    finally:
        db.close()
    return manifest


def _open(config: Config) -> Database:
    if config.database.startswith("sqlite:///") and not Path(config.database.removeprefix("sqlite:///")).exists():
        raise NotFound(
            f"There is no database {config.database.removeprefix('sqlite:///')}",
            remedy="Set --config or --state of the control plane.",
            code="database-not-found",
        )
    return Database(config.database)


def _write(
    config: Config, config_file: Path | None, db: Database, to: tuple[IO[bytes], Path], *, with_images: bool
) -> Manifest:
    """Writes the archive to the first of `to`, with the second as the place of the database's copy meanwhile."""
    file, copy = to
    kind = "sqlite" if db.is_sqlite else "postgresql"
    made = datetime.now(UTC).isoformat(timespec="seconds")
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        manifest = Manifest(__version__, made, kind, revision_of(db), copy_out(db, copy))
        members = [_add(archive, copy, DATABASES[kind])]
        members += [_add(archive, path, f"state/{path.relative_to(config.state)}") for path in _state_files(config, db)]
        members += [_add(archive, config_file, CONFIG)] if config_file else []
        named = list(_images(config, db, with_images=with_images))
        paths = {image.sha256: path for image in named for path in image_places(config, image) if path.is_file()}
        for sha256 in sorted({image.sha256 for image in named if image.included}):
            members.append(_add(archive, paths[sha256], f"images/{sha256}"))
        manifest = replace(manifest, members=tuple(members), images=tuple(named), outside=_outside(config))
        text = manifest.to_json()
        archive.addfile(_info(MANIFEST, len(text)), io.BytesIO(text))
    return manifest


def _state_files(config: Config, db: Database) -> Iterator[Path]:
    """Keys, certificates, passwords and whatever else is a file of the state folder; neither the database nor its locks."""
    database = str(db.url.database) if db.is_sqlite else str(config.state / "busway.db")
    stores = [Path(store.folder) for store in config.settings.image_stores.stores if store.folder]
    for path in sorted(config.state.rglob("*")):
        parts = path.relative_to(config.state).parts
        is_apart = (
            parts[0] in _APART
            or any(path.is_relative_to(folder) for folder in stores)
            or any(part.startswith(".") for part in parts)
        )
        if path.is_file() and not path.is_symlink() and not is_apart and not str(path).startswith(database):
            yield path


def _images(config: Config, db: Database, *, with_images: bool) -> Iterator[ImageName]:
    """The images that have data, deleted ones that a server still needs among them."""
    with db.read() as tx:
        found = images.list_data(tx)
    for image in found:
        named = ImageName(image.id, image.name or "", str(image.sha256), image.size or 0, False, image.stores)
        yield replace(named, included=with_images and any(path.is_file() for path in image_places(config, named)))


def _outside(config: Config) -> tuple[str, ...]:
    """Files that the configuration names and that lie where the operator keeps them."""
    files = (config.tls_files.certificate, config.tls_files.key, config.tls_files.ca)
    return tuple(str(path) for path in files if isinstance(path, Path) and not path.is_relative_to(config.state))


def _add(archive: tarfile.TarFile, path: Path, name: str) -> Member:
    with path.open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        reader = _Hashing(source)
        archive.addfile(_info(name, size), reader)
    return Member(name, size, reader.sha256.hexdigest())


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o600
    return info


class _Hashing(io.RawIOBase):
    """A file that knows the sha256 of what was read from it."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Reads on."""
        data = self._source.read(size)
        self.sha256.update(data)
        return data
