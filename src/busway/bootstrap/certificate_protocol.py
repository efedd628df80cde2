"""Tells the application which host the certificate of a connection names.

ASGI has no settled place for it and uvicorn tells nothing of it: the connection's TLS object is asked once, when it begins.
"""

from __future__ import annotations

import asyncio
from ssl import SSLObject

from busway.api.agent import SHOWN_HOST
from busway.bootstrap.bounded_protocol import BoundedProtocol
from busway.pki.certificate import host_of


class CertificateProtocol(BoundedProtocol):
    """HTTP/1.1 whose requests carry in `scope["state"]` the host that the client has proved to be."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """OpenSSL has checked by now that our authority signed the certificate and that the client has its key."""
        super().connection_made(transport)
        tls: SSLObject | None = transport.get_extra_info("ssl_object")
        shown = tls.getpeercert(binary_form=True) if tls else None
        self.app_state = {**self.app_state, SHOWN_HOST: (host_of(shown) if shown else None) or ""}
