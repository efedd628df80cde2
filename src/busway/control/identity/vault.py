"""The key that encrypts stored credentials: a file in the state folder, so that the database alone does not reveal them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from busway.control.context import Control
from busway.control.durable import create_secret
from busway.domain.errors import Unavailable
from busway.pki.sealing import Sealer, make_sealing_key

KEY_FILE = "credentials.key"


def sealer(control: Control) -> Sealer:
    """Returns the key; creates the file if it is missing. If several processes create it at once, all use the first."""
    return _read(control.state / KEY_FILE)


@cache
def _read(path: Path) -> Sealer:
    if not path.exists():
        # On the disk before anything is sealed with it: whoever loses the key loses all of that.
        create_secret(path, make_sealing_key())
    try:
        return Sealer(path.read_text("ascii"))
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"The key of the credentials can't be read: {path.name}",
            detail=str(error),
            remedy="Restore it from a backup of the state folder. Without it, the credentials must be created again.",
            code="credential-key",
        ) from error


def unseal(control: Control, sealed: str, fingerprint: str, owner: str) -> str:
    """Decrypts a secret; raises `Unavailable` if it was encrypted with another key."""
    key = sealer(control)
    try:
        if key.fingerprint != fingerprint:
            raise ValueError(f"it was sealed with key {fingerprint}, and the one that is here is {key.fingerprint}")
        return key.unseal(sealed, owner)
    except ValueError as error:
        raise other_key(str(error)) from error


def other_key(detail: str) -> Unavailable:
    """Returns the error for a state folder whose key did not encrypt the credentials of the database."""
    return Unavailable(
        f"{KEY_FILE} of the state folder is not the key of the credentials in the database",
        detail=detail,
        remedy="Give all control planes of a database the same file, or restore it from a backup.",
        code="credential-key",
    )
