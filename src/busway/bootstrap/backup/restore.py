"""Puts a backup back: everything in it is verified before anything is written, and nothing is overwritten."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from busway.bootstrap.backup.manifest import CONFIG, DATABASES, MANIFEST, Manifest, Member, read_manifest
from busway.bootstrap.backup.places import image_places
from busway.bootstrap.config import Config
from busway.bootstrap.state_folder import make_state_folder
from busway.domain.errors import Conflict, InvalidConfig, NotFound
from busway.store.copy import check_copy, copy_in, count_rows, require_empty, require_same
from busway.store.database import Database
from busway.store.schema import require_known

_CHUNK = 1 << 20
_MANIFEST_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back; `missing` are the names of images whose data is neither in the backup nor in the state folder."""

    manifest: Manifest
    missing: tuple[str, ...]


def verify(path: Path) -> Manifest:
    """Reads a whole archive and compares each member with the manifest; raises `InvalidConfig` where they differ."""
    found: dict[str, Member] = {}
    manifest: Manifest | None = None
    with _members(path) as members:
        for name, source in members:
            if name == MANIFEST:
                manifest = read_manifest(source.read(_MANIFEST_BYTES))
            else:
                found[name] = _copy(name, source, None)
    if manifest is None:
        raise _damaged(path, "It has no manifest: it was cut off.")
    wanted = {member.name: member for member in manifest.members}
    if differing := [name for name in sorted({*wanted, *found}) if wanted.get(name) != found.get(name)]:
        raise _damaged(path, f"{differing[0]} is not what the manifest says.")
    if manifest.database not in found:
        raise _damaged(path, "It has no database.")
    return manifest


def restore(config: Config, path: Path) -> Restored:
    """Puts a backup into an empty state folder and an empty database.

    The images folder may have data already. Raises `Conflict` where something of it is there already, `InvalidConfig`
    for a damaged backup, one of a newer Busway, or one of the other kind of database.
    """
    manifest = verify(path)
    require_known(manifest.revision)
    _require_kind(config, manifest)
    _require_nothing_there(config, manifest)
    make_state_folder(config)
    with tempfile.TemporaryDirectory(prefix=".busway-restore-", dir=config.state) as name:
        folder = Path(name)
        _unpack(path, folder)
        if manifest.kind == "sqlite":
            require_same(manifest.rows, check_copy(folder / manifest.database, manifest.rows))
        else:
            _fill(config, folder / manifest.database, manifest)
        for member in sorted(
            manifest.members, key=lambda one: one.name in DATABASES.values()
        ):  # the database comes last
            for place in _places(config, manifest, member.name):
                _put(folder / member.name, place)
    missing = tuple(
        f"{one.name or one.id} ({one.sha256})"
        for one in manifest.images
        if not any(path.exists() for path in image_places(config, one))
    )
    return Restored(manifest, missing)


def _require_kind(config: Config, manifest: Manifest) -> None:
    kind = "sqlite" if config.database.startswith("sqlite") else "postgresql"
    if kind != manifest.kind:
        raise InvalidConfig(
            f"The backup is of {manifest.kind}, and the configuration names a database of {kind}",
            remedy="Restore it to a database of the same kind; `busway migrate-database` then moves SQLite into "
            "PostgreSQL.",
            code="backup-kind",
        )


def _require_nothing_there(config: Config, manifest: Manifest) -> None:
    names = [member.name for member in manifest.members if not member.name.startswith("images/")]
    places = [place for name in names for place in _places(config, manifest, name)]
    if manifest.kind == "postgresql":
        db = Database(config.database)
        try:
            require_empty(db)
        finally:
            db.close()
    if taken := [str(place) for place in places if place.exists()]:
        raise Conflict(
            f"{taken[0]} exists already",
            detail=f"{len(taken)} files of the backup exist already. Nothing was changed.",
            remedy="Stop the control plane and move its state folder away, or choose another with --state.",
            code="restore-not-empty",
        )


def _places(config: Config, manifest: Manifest, name: str) -> list[Path]:
    """The places of a member: of an image's data, one in each of its stores; none for a dump, which is no file of the control plane."""
    if name == DATABASES["postgresql"]:
        return []
    if name == DATABASES["sqlite"]:
        return [Path(config.database.removeprefix("sqlite:///"))]
    if name.startswith("images/"):
        same = [image for image in manifest.images if image.sha256 == name.removeprefix("images/")]
        return list(dict.fromkeys(path for image in same for path in image_places(config, image)))
    return [config.state / (f"restored-{CONFIG}" if name == CONFIG else name.removeprefix("state/"))]


def _fill(config: Config, dump: Path, manifest: Manifest) -> None:
    db = Database(config.database)
    try:
        copy_in(db, dump)
        with db.read() as tx:
            require_same(manifest.rows, count_rows(tx, manifest.rows))
    finally:
        db.close()


def _unpack(path: Path, folder: Path) -> None:
    with _members(path) as members:
        for name, source in members:
            if name == MANIFEST:
                continue
            place = folder / name
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with place.open("xb") as file:
                place.chmod(0o600)
                _copy(name, source, file)


def _put(source: Path, place: Path) -> None:
    """Gives a file one of its places; an image's data may be there already, under the name that its content gives it."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if place.exists():
        return
    try:
        place.hardlink_to(source)
    except OSError:  # another file system
        with tempfile.NamedTemporaryFile(prefix=".", dir=place.parent, delete=False) as copy, source.open("rb") as file:
            shutil.copyfileobj(file, copy, _CHUNK)
        Path(copy.name).rename(place)


def _copy(name: str, source: IO[bytes], target: IO[bytes] | None) -> Member:
    """Reads a member to its end, into `target` if there is one; returns what it really is."""
    sha256, size = hashlib.sha256(), 0
    while data := source.read(_CHUNK):
        sha256.update(data)
        size += len(data)
        if target is not None:
            target.write(data)
    return Member(name, size, sha256.hexdigest())


@contextmanager
def _members(path: Path) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    """The plain files of an archive, one after the other."""
    if not path.is_file():
        raise NotFound(f"There is no file {path}", code="backup-not-found")
    try:
        with tarfile.open(path, mode="r:") as archive:
            yield ((info.name, file) for info in archive if (file := archive.extractfile(info)) is not None)
    except (tarfile.TarError, EOFError) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, detail: str) -> InvalidConfig:
    remedy = "Take another backup: this one can't be trusted."
    return InvalidConfig(f"The backup {path} is damaged", detail=detail, remedy=remedy, code="backup-damaged")
