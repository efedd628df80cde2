"""A small certificate authority: it signs the control plane's certificate and those of its agents, and nothing else.

Keys are of the curve P-256, which every TLS library knows. The authority lives for ten years, what it signs for 90
days.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from busway.domain.errors import BadInput, InvalidConfig
from busway.pki.certificate import HOST_URI, read_certificates
from busway.pki.request import key_pem, new_key

AUTHORITY_LIFE = timedelta(days=3650)
CERTIFICATE_LIFE = timedelta(days=90)
_EARLY = timedelta(hours=1)  # so that a machine whose clock is behind takes a new certificate


@dataclass(frozen=True, slots=True)
class Authority:
    """A signing key and its certificate; the key is kept out of the repr."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: x509.Certificate

    @property
    def ca(self) -> str:
        """The authority's certificate, which others must know to trust what it signs, as PEM."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def to_pem(self) -> str:
        """Key and certificate in one text: a secret."""
        return key_pem(self.key) + self.ca

    def sign_server(self, names: Iterable[str], now: datetime) -> str:
        """A new key and certificate for a server of these DNS names and IP addresses, with the authority's, as PEM."""
        key = new_key()
        wanted = [_general_name(name) for name in sorted(set(names))]
        signed = self._sign("busway control plane", key.public_key(), wanted, ExtendedKeyUsageOID.SERVER_AUTH, now)
        return key_pem(key) + signed + self.ca

    def sign_agent(self, request: str, host: str, now: datetime) -> str:
        """The certificate of a host's agent for the key of a signing request; the request's own names mean nothing.

        Raises `BadInput` for data that is not a request, or is not signed with its own key.
        """
        wanted: list[x509.GeneralName] = [x509.UniformResourceIdentifier(HOST_URI + host)]
        return self._sign("busway agent", _requested_key(request), wanted, ExtendedKeyUsageOID.CLIENT_AUTH, now)

    def _sign(
        self,
        name: str,
        key: ec.EllipticCurvePublicKey,
        names: list[x509.GeneralName],
        usage: ObjectIdentifier,
        now: datetime,
    ) -> str:
        issuer = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = (
            _begin(name, key, now, CERTIFICATE_LIFE)
            .issuer_name(self.certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
        )
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM).decode()


def make_authority(now: datetime) -> Authority:
    """A new authority, which nobody trusts yet."""
    key = new_key()
    builder = _begin("busway authority", key.public_key(), now, AUTHORITY_LIFE)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        builder.issuer_name(_subject("busway authority"))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    return Authority(key, builder.sign(key, SHA256()))


def read_authority(pem: str) -> Authority:
    """Reads what `to_pem` wrote; raises `InvalidConfig` for anything else."""
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError) as error:
        raise _unreadable(str(error)) from error
    certificate = read_certificates(pem)[0]
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise _unreadable("Key and certificate do not belong together.")
    return Authority(key, certificate)


def _begin(name: str, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _requested_key(request: str) -> ec.EllipticCurvePublicKey:
    try:
        read = x509.load_pem_x509_csr(request.encode())
        key = read.public_key()
        if not read.is_signature_valid or not isinstance(key, ec.EllipticCurvePublicKey):
            raise ValueError("its signature is not of its own key, or the key is of no curve")
    except (ValueError, InvalidSignature) as error:
        raise BadInput(
            "This is not a signing request of an agent",
            detail=str(error),
            remedy="Run the same release on both sides.",
            code="signing-request",
        ) from error
    return key


def _unreadable(detail: str) -> InvalidConfig:
    return InvalidConfig(
        "The authority of this control plane can't be read",
        detail=detail,
        remedy="Restore tls/authority.pem of the state folder. Without it every host must join again.",
        code="authority-form",
    )
