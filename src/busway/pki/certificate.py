"""Reads certificates: their fingerprint, how long they hold, and whom they name."""

from __future__ import annotations

import hashlib
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from busway.domain.errors import InvalidConfig

HOST_URI = "urn:busway:host:"  # how the certificate of an agent names its host: host names may be longer than a CN


def fingerprint(pem: str) -> str:
    """The SHA-256 of a certificate as 64 digits, like `openssl x509 -fingerprint -sha256`; of several, of all in order."""
    return hashlib.sha256(b"".join(one.public_bytes(Encoding.DER) for one in read_certificates(pem))).hexdigest()


def read_certificates(pem: str) -> list[x509.Certificate]:
    """All certificates of a PEM text; raises `InvalidConfig` when there is none that can be read."""
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise InvalidConfig(
            "This is not a certificate in PEM format",
            detail=str(error),
            remedy="Use a file with the lines BEGIN CERTIFICATE and END CERTIFICATE.",
            code="certificate-form",
        ) from error


def is_fresh(pem: str, now: datetime) -> bool:
    """True while at least a third of a certificate's life is left."""
    first = read_certificates(pem)[0]
    life = first.not_valid_after_utc - first.not_valid_before_utc
    return now < first.not_valid_after_utc - life / 3


def expires(pem: str) -> datetime:
    """When the first certificate of a PEM text ends."""
    return read_certificates(pem)[0].not_valid_after_utc


def names_of(pem: str) -> frozenset[str]:
    """The DNS names and IP addresses that a certificate is good for."""
    found = _alternatives(read_certificates(pem)[0])
    names = found.get_values_for_type(x509.DNSName) if found else []
    addresses = found.get_values_for_type(x509.IPAddress) if found else []
    return frozenset(names) | {str(address) for address in addresses}


def host_of(der: bytes) -> str | None:
    """The host that an agent's certificate names, None for a certificate of something else."""
    found = _alternatives(x509.load_der_x509_certificate(der))
    uris = found.get_values_for_type(x509.UniformResourceIdentifier) if found else []
    named = [uri.removeprefix(HOST_URI) for uri in uris if uri.startswith(HOST_URI)]
    return named[0] if named else None


def _alternatives(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
