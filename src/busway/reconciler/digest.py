"""A short name for what a config drive says, so that a changed one is noticed without reading the drive."""

from __future__ import annotations

import hashlib

from busway.domain.documents import ConfigDrive


def config_digest(drive: ConfigDrive) -> str:
    """The SHA-256 of a config drive's three files, each with its length before it."""
    whole = hashlib.sha256()
    for text in (drive.meta_data, drive.network_data, drive.user_data):
        data = text.encode()
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()
