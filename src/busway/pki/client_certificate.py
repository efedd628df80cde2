"""Certificates of users (key pairs of type x509), with which Windows guests let them in by WinRM."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from busway.domain.errors import BadInput

# A user's principal name, by which Windows finds the account (Microsoft's szOID_NT_PRINCIPAL_NAME).
_PRINCIPAL_NAME = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_BITS = 2048
_LIFE = timedelta(days=10 * 365)
_DOMAIN = "localhost"
_UTF8 = 0x0C


def make_client_certificate(user: str, now: datetime) -> tuple[str, str]:
    """A certificate that proves a client to be `user`, and its key, both as PEM; the key is a secret."""
    key = rsa.generate_private_key(65537, _BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user[:64])])
    principal = f"{user}@{_DOMAIN}".encode()
    other = x509.OtherName(_PRINCIPAL_NAME, bytes((_UTF8, *_length(len(principal)))) + principal)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([other]), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return certificate.public_bytes(Encoding.PEM).decode(), private


def certificate_fingerprint(pem: str) -> str:
    """The SHA-1 in colon form, which is what Nova shows of such key pairs; raises `BadInput` for no certificate."""
    try:
        [certificate] = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise BadInput(
            "The public key is not one X.509 certificate",
            detail=str(error),
            remedy="Give a certificate as PEM, or leave it out to have one made (below 2.92).",
            code="invalid-public-key",
        ) from error
    digest = hashlib.sha1(certificate.public_bytes(Encoding.DER), usedforsecurity=False).hexdigest()
    return ":".join(digest[i : i + 2] for i in range(0, 40, 2))


def _length(size: int) -> tuple[int, ...]:
    """The length of a value in DER; a principal name has at most 64 + 10 letters of 4 bytes each."""
    return (size,) if size < 128 else (0x82, size >> 8, size & 0xFF) if size > 255 else (0x81, size)
