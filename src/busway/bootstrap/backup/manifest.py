"""What is in a backup, as its last member says: manifest.json.

database.sqlite or database.dump    SQLite's file, or pg_dump's custom format
state/...                           clouds.yaml, openrc, tls/ with the authority's key, other files of the state folder
busway.conf                         the configuration, where one was named
images/SHA256                       the data of images, with --images
manifest.json                       the names, sizes and sha256 of all these, and the images by name
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any

from busway.domain.errors import InvalidConfig
from busway.domain.image_store import BUILT_IN

FORMAT = 1
MANIFEST = "manifest.json"
CONFIG = "busway.conf"
DATABASES = {"sqlite": "database.sqlite", "postgresql": "database.dump"}


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image that the database knows: its data is in the archive, or only named; `stores` are those that had it."""

    id: str
    name: str
    sha256: str
    size: int
    included: bool
    stores: tuple[str, ...] = (BUILT_IN,)  # what an older Busway did not write


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole of it; `rows` counts the rows of each table, `outside` names files of the configuration elsewhere."""

    busway: str
    made: str
    kind: str
    revision: str
    rows: Mapping[str, int]
    members: tuple[Member, ...] = ()
    images: tuple[ImageName, ...] = ()
    outside: tuple[str, ...] = field(default=())
    format: int = FORMAT

    @property
    def database(self) -> str:
        """The name of the member with the database."""
        return DATABASES[self.kind]

    def to_json(self) -> bytes:
        """The manifest as the archive holds it."""
        return json.dumps(asdict(self), indent=1).encode()


def read_manifest(data: bytes) -> Manifest:
    """Reads a manifest; raises `InvalidConfig` for one that is none, or that a newer Busway wrote."""
    try:
        value: dict[str, Any] = json.loads(data)
        if value["format"] != FORMAT:
            raise _unreadable(f"Its format is {value['format']}; this Busway reads {FORMAT}.")
        value["members"] = tuple(Member(**one) for one in value["members"])
        value["images"] = tuple(
            ImageName(**{**one, "stores": tuple(one.get("stores", (BUILT_IN,)))}) for one in value["images"]
        )
        found = Manifest(**value)
        _ = found.database
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(f"Its manifest can't be read: {error!r}.") from error
    if strange := [one.name for one in found.members if not _is_ours(one.name)]:
        raise _unreadable(f"It has {strange[0]!r}, which no backup has.")
    return found


def _is_ours(name: str) -> bool:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or str(path) != name:
        return False
    return name in {CONFIG, *DATABASES.values()} or (path.parts[0] in {"state", "images"} and len(path.parts) > 1)


def _unreadable(detail: str) -> InvalidConfig:
    remedy = "Name a file that `busway backup` wrote, with the Busway that wrote it or a newer one."
    return InvalidConfig("This is not a readable backup", detail=detail, remedy=remedy, code="backup-unreadable")
