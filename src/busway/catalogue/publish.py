"""Makes a catalogue: fills in sizes and checksums of the images beside it, checks it, signs it."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from busway.catalogue.document import FORMAT, Catalogue, form, is_url, parse_catalogue, path_mistake
from busway.catalogue.mirror import SIGNATURE
from busway.pki.ed25519 import sign


def publish(path: Path, key: str, updated: datetime, expires: datetime) -> Catalogue:
    """Completes and signs the catalogue at `path`, whose images lie below its folder or at URLs; returns it.

    Images below the folder get their true size and SHA-256; those at URLs must have them already. Raises `InvalidConfig`.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
        written = [
            item
            for product in document["products"].values()
            for version in product["versions"].values()
            for item in version["items"].values()
        ]
        for item in written:
            _complete(path, item)
    except OSError as error:
        raise form(str(path), f"{error.filename or path}: {error.strerror}.") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise form(str(path), f"{type(error).__name__}: {error}") from error
    document |= {"format": FORMAT, "updated": _time(updated), "expires": _time(expires)}
    data = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    catalogue = parse_catalogue(data, str(path))
    _write(path, data)
    _write(path.with_name(path.name + SIGNATURE), (sign(key, data) + "\n").encode())
    return catalogue


def _complete(catalogue: Path, item: dict[str, Any]) -> None:
    where = str(item["path"])
    if is_url(where) or path_mistake(where):
        return
    file = catalogue.parent / where
    item["size"] = file.stat().st_size
    with file.open("rb") as data:
        item["sha256"] = hashlib.file_digest(data, "sha256").hexdigest()


def _time(when: datetime) -> str:
    return when.isoformat(timespec="seconds")


def _write(path: Path, data: bytes) -> None:
    """Puts a file there whole, also for who reads it meanwhile."""
    new = path.with_name(f".{path.name}.new")
    with new.open("wb") as file:
        file.write(data)
        os.fsync(file.fileno())
    new.replace(path)
