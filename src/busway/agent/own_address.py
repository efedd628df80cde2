"""The address of this host towards the control plane."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit


def own_address(url: str) -> str:
    """Finds the own address on the way to a server; nothing is sent. Empty if that can't be told, as while its name can't be resolved."""
    try:
        host = urlsplit(url).hostname or ""
        family, _kind, _protocol, _name, place = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(place)
            return str(probe.getsockname()[0])
    except (OSError, ValueError):
        return ""
