"""Keys that live as long as one conversation: a server with a certificate that only its fingerprint vouches for.

For two parties that a third one introduces: it tells the client the fingerprint, over a channel that both trust.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from busway.domain.errors import HostError
from busway.pki.certificate import fingerprint
from busway.pki.context import load_text, unverified_context
from busway.pki.request import key_pem, new_key

_LIFE = timedelta(days=30)
_EARLY = timedelta(days=1)


def ephemeral_server(now: datetime) -> tuple[ssl.SSLContext, str]:
    """A server's context of TLS 1.3 with a new key, which is nowhere on a disk, and its certificate's SHA-256 as 64 digits."""
    key = new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "busway live migration")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + _LIFE)
        .sign(key, SHA256())
    )
    pem = signed.public_bytes(Encoding.PEM).decode()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # nothing is resumed, and nothing is sent that nobody reads
    load_text(context, (key_pem(key) + pem).encode())
    return context, fingerprint(pem)


def ephemeral_client() -> ssl.SSLContext:
    """A client's context for `check_peer`, which must follow the handshake before anything is sent."""
    context = unverified_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def check_peer(connection: ssl.SSLSocket, wanted: str) -> None:
    """Raises `HostError` unless the server has shown the certificate of this fingerprint; its key it has proved to have."""
    shown = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()
    if not wanted or not hmac.compare_digest(shown, wanted):
        raise HostError(
            "Another machine answers in the place of the target host",
            detail="It shows another certificate than the one that the target's agent has told the control plane. Nothing was sent to it.",
            remedy="Look for a machine with that host's address, or for a proxy between the two hosts.",
            code="live-peer",
        )
