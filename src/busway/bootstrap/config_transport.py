"""What `[busway]` says of TLS: whether it is spoken, with whose certificate, and under which URL."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from busway.domain.errors import InvalidConfig


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The operator's own certificate, key and authority, all None for Busway's; `names` are more names for Busway's."""

    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    names: tuple[str, ...] = ()


def speaks_tls(values: dict[str, Any], listen: str) -> bool:
    """Reads `plain_http` and returns whether to use TLS: on every address except loopback, unless the option says otherwise.

    Who asks for certificates has asked for TLS.
    """
    plain = values.pop("plain_http")
    if plain is None:
        return bool(values["agent_certificates"] or values["tls_certificate"]) or not is_loopback(listen)
    if plain and values["agent_certificates"]:
        raise InvalidConfig(
            "Agents can't present certificates over plain HTTP",
            detail="[busway] has both plain_http and agent_certificates.",
            remedy="Remove one of them.",
            code="certificates-without-tls",
        )
    return not plain


def in_the_open(listen: str, *, tls: bool) -> str:
    """What is wrong with plain HTTP on an address that others reach, "" where all is well."""
    if tls or is_loopback(listen):
        return ""
    return "plain HTTP on an address that others reach: passwords, tokens and images travel in the open"


def tls_files(values: dict[str, Any]) -> TlsFiles:
    """Takes the options that name files."""
    certificate, key, ca = values.pop("tls_certificate"), values.pop("tls_key"), values.pop("tls_ca")
    if key and not certificate:
        raise InvalidConfig(
            "[busway] tls_key needs tls_certificate",
            remedy="Set tls_certificate to the certificate of the key.",
            code="tls-key-alone",
        )
    return TlsFiles(
        certificate=Path(certificate) if certificate else None,
        key=Path(key) if key else None,
        ca=None if ca == "system" else Path(ca),
        names=tuple(values.pop("tls_names")),
    )


def url_of(values: dict[str, Any], listen: str, port: int, *, tls: bool) -> str:
    """Takes `public_url`, or makes one of where it listens; refuses one that clients could not use."""
    given = values.pop("public_url")
    if given and tls and given.startswith("http://"):
        raise InvalidConfig(
            f"public_url is {given}, but this control plane uses HTTPS",
            detail=f"It listens on {listen}, where plain HTTP must be enabled explicitly.",
            remedy="Write https:// there, or set plain_http.",
            code="public-url-plain",
        )
    if given:
        return str(given)
    name = socket.gethostname() if is_wildcard(listen) else listen
    return f"{'https' if tls else 'http'}://{f'[{name}]' if ':' in name else name}:{port}"


def is_loopback(listen: str) -> bool:
    """True for an address that only this machine reaches."""
    try:
        return ipaddress.ip_address(listen).is_loopback
    except ValueError:
        return listen == "localhost"


def is_wildcard(listen: str) -> bool:
    """True for an address that means all of the machine's."""
    try:
        return ipaddress.ip_address(listen).is_unspecified
    except ValueError:
        return False
