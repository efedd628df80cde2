"""Where the control plane may fetch images for users (`web-download`): what the operator has named, and nothing else.

The names are Glance's (`[import_filtering_opts]`), the start is not: without `allowed_hosts` nothing is fetched, where Glance
fetches from every host. A name is checked, and then each address that it has: one that is not of the internet (loopback, link-local,
private ...) is asked only if the operator named that address, or a network with it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from busway.domain.errors import BadInput

SCHEMES = ("http", "https")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PORTS = {"http": 80, "https": 443}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Place:
    """What one URL asks for: whom, and the path with its query."""

    scheme: str
    host: str  # without brackets
    port: int
    target: str

    @property
    def is_usual(self) -> bool:
        """Whether the port goes without saying."""
        return self.port == _PORTS[self.scheme]


@dataclass(frozen=True, slots=True)
class ImportRules:
    """What the operator allows; `hosts` are names, addresses and networks.

    With `any_address` a name that is allowed may have any addresses.
    """

    hosts: tuple[str, ...] = ()
    ports: tuple[int, ...] = (80, 443)
    schemes: tuple[str, ...] = SCHEMES
    any_address: bool = False

    @classmethod
    def of_endpoint(cls, url: str) -> ImportRules:
        """What lets a fetch reach the host and port of an endpoint, which the operator put into the catalog, and nothing else."""
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme)
        except ValueError as error:
            raise _refused("it is no URL") from error
        return cls((parts.hostname or "",), (port,) if port else (), any_address=True)

    @property
    def allows_any(self) -> bool:
        """Whether anything is fetched at all."""
        return bool(self.hosts and self.ports and self.schemes)

    def check_url(self, url: str) -> Place:
        """The place of a URL; raises `BadInput` for one that the operator does not allow."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError as error:
            raise _refused("it is no URL") from error
        if parts.scheme not in self.schemes:
            raise _refused(f"the scheme {parts.scheme[:20] or '(none)'} is not among {', '.join(self.schemes)}")
        if parts.username is not None or parts.password is not None:
            raise _refused("it has a user's name or password")
        if not self._names(host):
            raise _refused(f"the host {host[:255] or '(none)'} is not among the allowed ones")
        wanted = _PORTS[parts.scheme] if port is None else port
        if wanted not in self.ports:
            raise _refused(f"the port {wanted} is not among {', '.join(map(str, self.ports))}")
        return Place(parts.scheme, host, wanted, _target(parts))

    def check_address(self, text: str) -> None:
        """Raises `BadInput` for an address of a host that is not on the internet, unless the operator has named it."""
        address = as_address(text)
        if self.any_address and address is not None:
            return
        if address is None or not (_is_public(address) or self._has(address)):
            raise _refused(
                f"its host has the address {text[:64]}, which is not on the internet and not among the allowed ones"
            )

    def _names(self, host: str) -> bool:
        address = as_address(host)
        if address is not None:
            return self._has(address)
        return bool(host) and host.lower() in {each.lower().rstrip(".") for each in self.hosts}

    def _has(self, address: Address) -> bool:
        return any(address in network for each in self.hosts if (network := as_network(each)) is not None)


def as_address(text: str) -> Address | None:
    """An address, that of IPv4 where IPv6 only wraps it; None for a name."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def as_network(text: str) -> Network | None:
    """A network, or an address as a network of one; None for a name."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    # 6to4 and Teredo carry an IPv4 address, and NAT64 leads to one.
    if not isinstance(address, ipaddress.IPv6Address):
        return True
    return not (address.is_site_local or address.sixtofour or address.teredo or address in _NAT64)


def _target(parts: SplitResult) -> str:
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path


def _refused(why: str) -> BadInput:
    return BadInput(
        "The image can't be fetched from this URL",
        detail=f"Reason: {why}.",
        remedy="Use a URL that the operator allows ([import_filtering_opts]), or stage the data: openstack image create --import --file FILE NAME",
        code="image-import-url",
    )
