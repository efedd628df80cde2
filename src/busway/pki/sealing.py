"""Secrets at rest: sealed with AES-256-GCM under a key that lies outside the database."""

from __future__ import annotations

import base64
import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_NONCE_BYTES = 12


def make_sealing_key() -> str:
    """A new key as text: a secret."""
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


class Sealer:
    """One key; `fingerprint` tells it from others without telling it."""

    def __init__(self, key: str) -> None:
        read = base64.b64decode(key.strip(), validate=True)
        if len(read) != _KEY_BYTES:
            raise ValueError(f"it has {len(read)} bytes, not {_KEY_BYTES}")
        self._cipher = AESGCM(read)
        self.fingerprint = hashlib.sha256(read).hexdigest()[:16]

    def seal(self, secret: str, owner: str) -> str:
        """The secret as it is stored; it opens for the same `owner` only, so that it can't be moved to another row."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, secret.encode(), owner.encode())).decode()

    def unseal(self, sealed: str, owner: str) -> str:
        """The secret of a sealed text; raises `ValueError` for what was sealed otherwise or was changed since."""
        data = base64.b64decode(sealed)
        try:
            return self._cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], owner.encode()).decode()
        except InvalidTag as error:
            raise ValueError("it was sealed with another key or for another owner, or was changed") from error
