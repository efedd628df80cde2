"""TLS contexts for both sides: TLS 1.2 at least, and a client that believes exactly one authority."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from busway.domain.errors import InvalidConfig


def server_context(certificate: Path, key: Path | None = None, agents: str = "") -> ssl.SSLContext:
    """A server's context with the certificate (and key) of these files.

    `agents` is the authority of the agents' certificates as PEM: with it a client may show one, "" asks for none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_chain(context, certificate, key)
    if agents:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=agents)
    return context


def load_chain(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    """Shows these from the next handshake on; raises `InvalidConfig` when they can't be used, and the last ones stay."""
    try:
        # Read once: OpenSSL would open a file twice, and it may be replaced meanwhile.
        text = (key.read_bytes() + b"\n" if key is not None else b"") + certificate.read_bytes()
        # OpenSSL takes a certificate before it sees that the key is another one's: a context of no use finds that out.
        load_text(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), text)
        load_text(context, text)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise InvalidConfig(
            f"The certificate {certificate} can't be used" + (f" with the key {key}" if key else ""),
            detail=f"{type(error).__name__}: {error}",
            remedy="Use a certificate with its chain, and its key without a passphrase, both in PEM format.",
            code="certificate-unusable",
        ) from error


def client_context(ca: str = "", certificate: str = "", key: str = "", *, also: str = "") -> ssl.SSLContext:
    """A client's context that believes the authority `ca` (PEM) alone, or with "" those of the system; and `also` (PEM).

    `certificate` and `key` are what it shows when it is asked who it is.
    """
    context = ssl.create_default_context(cadata=ca or None)
    if also:
        context.load_verify_locations(cadata=also)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate and key:
        load_text(context, (key + certificate).encode())
    return context


def unverified_context() -> ssl.SSLContext:
    """A context that believes everybody: for fetching a public text whose hash is known, and for nothing else."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def load_text(context: ssl.SSLContext, text: bytes) -> None:
    """Gives a context a key and its certificate (PEM). Python hands OpenSSL files only: this one is in memory, and nobody else can open it."""
    descriptor = os.memfd_create("busway-key")
    try:
        os.write(descriptor, text)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=_no_passphrase)
    finally:
        os.close(descriptor)


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase, and nobody is here to type it")
