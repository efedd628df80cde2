"""Public keys of users, SSH keys or certificates: how they are read and compared."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime

from busway.domain.errors import BadInput
from busway.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class Keypair:
    """A user's public key under a name; the private key is never kept."""

    user_id: UserId
    name: str
    public_key: str
    fingerprint: str
    created: datetime
    type: str = "ssh"


SSH, X509 = "ssh", "x509"
_CERTIFICATE = "-----BEGIN CERTIFICATE-----"


def key_type(public_key: str) -> str:
    """The type of a key pair, by its public half."""
    return X509 if public_key.startswith(_CERTIFICATE) else SSH


def ssh_fingerprint(public_key: str) -> str:
    """The MD5 fingerprint in colon form, which is what Nova's clients show; raises `BadInput` for no SSH key."""
    parts = public_key.split()
    if len(parts) < 2:
        raise _not_a_key("It has no second word: a public key is its type, its base64 text and a comment.")
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError) as error:
        raise _not_a_key(f"Its second word is not base64: {error}.") from error
    length = int.from_bytes(blob[:4], "big")
    if blob[4 : 4 + length] != parts[0].encode() or len(blob) <= 4 + length:
        raise _not_a_key(f"Its base64 text does not say the type '{parts[0]}' that its first word says.")
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[i : i + 2] for i in range(0, 32, 2))


def _not_a_key(detail: str) -> BadInput:
    return BadInput(
        "The public key is not an OpenSSH public key",
        detail=detail,
        remedy="Use the content of a .pub file, such as ~/.ssh/id_ed25519.pub.",
        code="invalid-public-key",
    )
