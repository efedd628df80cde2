"""Signatures of a host's records: made with a key that never leaves the host, checked with its public half."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from busway.domain.errors import InvalidConfig
from busway.pki.request import key_pem, new_key


def make_signing_key() -> str:
    """A new key as PEM: a secret."""
    return key_pem(new_key())


def public_half(key: str) -> str:
    """What others need to check signatures of this key, as PEM."""
    return _read(key).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def sign(key: str, data: bytes) -> str:
    """The signature of some bytes as hexadecimal digits (ECDSA with SHA-256)."""
    return _read(key).sign(data, ec.ECDSA(SHA256())).hex()


def is_signed(public: str, data: bytes, signature: str) -> bool:
    """True when the signature of these bytes was made with the key of this public half."""
    try:
        known = load_pem_public_key(public.encode())
        if not isinstance(known, ec.EllipticCurvePublicKey):
            return False
        known.verify(bytes.fromhex(signature), data, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _read(key: str) -> ec.EllipticCurvePrivateKey:
    try:
        read = load_pem_private_key(key.encode(), None)
        if not isinstance(read, ec.EllipticCurvePrivateKey):
            raise ValueError("it is not an elliptic-curve key")
    except (ValueError, TypeError) as error:
        raise InvalidConfig(
            "The signing key of this host can't be read",
            detail=str(error),
            remedy="Remove it, and let the host join again: busway host create NAME --rotate",
            code="signing-key-form",
        ) from error
    return read
