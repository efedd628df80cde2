"""The section `[ovn]`: where the northbound database is, and how the two sides know each other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import Any

from busway.domain.errors import InvalidConfig
from busway.ovn.connection import parse_addresses
from busway.ovn.northbound import Northbound
from busway.pki.context import client_context


def read_northbound(values: Mapping[str, Any]) -> Northbound | None:
    """The database that is configured, None for none; raises `InvalidConfig` for an address or a file of no use.

    The files are read again for each connection, so a renewed certificate needs no restart.
    """
    addresses = parse_addresses(values["ovn_nb_connection"] or "")
    if not addresses:
        return None
    words = [values[name] or "" for name in ("ovn_nb_ca_cert", "ovn_nb_certificate", "ovn_nb_private_key")]
    if bool(words[1]) != bool(words[2]):
        raise InvalidConfig(
            "[ovn] ovn_nb_certificate and ovn_nb_private_key belong together",
            remedy="Set both, or none.",
            code="certificate-unusable",
        )
    tls = partial(_context, *words)
    if any(address.host for address in addresses):
        tls()
    return Northbound(addresses, tls)


def _context(ca: str, certificate: str, key: str) -> SSLContext:
    try:
        return client_context(*(Path(path).read_text() if path else "" for path in (ca, certificate, key)))
    except (OSError, ValueError) as error:
        raise InvalidConfig(
            "The certificates of [ovn] can't be used",
            detail=f"{type(error).__name__}: {error}",
            remedy="Name files in PEM format that the control plane may read; the key without a passphrase.",
            code="certificate-unusable",
        ) from error
