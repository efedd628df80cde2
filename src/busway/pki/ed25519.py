"""Signatures of published texts, by Ed25519: the public key is one short word that stands in a configuration."""

from __future__ import annotations

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from busway.domain.errors import InvalidConfig


def make_key() -> str:
    """A new private key as PEM: a secret."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_word(key: str) -> str:
    """The public half of a private key, in base64."""
    return base64.b64encode(_private(key).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def sign(key: str, data: bytes) -> str:
    """The signature of some bytes, in base64."""
    return base64.b64encode(_private(key).sign(data)).decode()


def is_signed(public: str, data: bytes, signature: str) -> bool:
    """True when the signature of these bytes was made with the private half of this key."""
    try:
        _public(public).verify(base64.b64decode(signature, validate=True), data)
    except (InvalidSignature, ValueError):  # what is no base64 is no signature
        return False
    return True


def check_public(word: str) -> str:
    """Returns a public key as it was written; raises `InvalidConfig` for what is none."""
    _public(word)
    return word


def _public(word: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(word, validate=True))
    except ValueError as error:
        raise InvalidConfig(
            f"'{word[:60]}' is not a public key of a catalogue",
            detail="It is 32 bytes of an Ed25519 key in base64: 44 characters.",
            remedy="Copy what `busway image catalogue key` printed.",
            code="catalogue-key",
        ) from error


def _private(key: str) -> Ed25519PrivateKey:
    try:
        found = load_pem_private_key(key.encode(), None)
        if not isinstance(found, Ed25519PrivateKey):
            raise ValueError("it is a key of another kind")
    except (ValueError, TypeError) as error:
        raise InvalidConfig(
            "The private key of the catalogue can't be used",
            detail=str(error),
            remedy="Make one: busway image catalogue key FILE",
            code="catalogue-key",
        ) from error
    return found
