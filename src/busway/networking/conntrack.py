"""The kernel's memory of connections (conntrack), read and written by netlink, as `conntrack -L`, `-D` and `-I` do.

The packet filter lets answers in because their connection was let out, and the kernel remembers which that were. A guest that continues on
another host has connections that this one has not seen. Numbers are from linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Collection, Iterable, Iterator
from ipaddress import ip_address

from busway.domain.connection import TCP, UDP, Connection
from busway.domain.errors import HostError

_FAMILY = 12  # NETLINK_NETFILTER
_NEW, _GET, _DELETE = 0x100, 0x101, 0x102
_REQUEST, _ACK, _DUMP, _CREATE, _EXCLUSIVE = 0x1, 0x4, 0x300, 0x400, 0x200
_ERROR, _DONE = 2, 3
_NESTED = 0x8000
_ORIGINAL, _REPLY, _STATUS, _PROTOINFO, _TIMEOUT = 1, 2, 3, 4, 7
_SEEN_REPLY, _ASSURED, _CONFIRMED = 2, 4, 8
# The window of a connection that was seen elsewhere is not known: what is outside of it is not refused.
_SCALED_AND_LIBERAL = 0x1 | 0x8
_SECONDS = 10.0


def list_connections(addresses: Collection[str]) -> tuple[Connection, ...]:
    """The connections of TCP and UDP that one of these addresses is an end of, without those whose addresses the host translates.

    Raises `HostError` where the kernel does not tell.
    """
    wanted = [ip_address(address).packed for address in addresses]
    found: list[Connection | None] = []
    for family in sorted({socket.AF_INET if len(each) == 4 else socket.AF_INET6 for each in wanted}):
        messages = _ask(_GET, _REQUEST | _DUMP, family, b"")
        found += [_read(message) for message in messages if any(each in message for each in wanted)]
    own = _plain(addresses)
    return tuple(each for each in found if each is not None and not {each.source, each.target}.isdisjoint(own))


def replace_connections(addresses: Collection[str], connections: Iterable[Connection]) -> None:
    """Forgets all connections of these addresses, and remembers those given, of which each must have one of them as an end.

    What is remembered from an earlier time would take the packets of today for forged ones. Raises `HostError`.
    """
    for each in list_connections(addresses):
        _send(_DELETE, 0, each, _tuple(_ORIGINAL, each))
    own = _plain(addresses)
    for each in connections:
        if not {each.source, each.target}.isdisjoint(own):
            _send(_NEW, _CREATE | _EXCLUSIVE, each, _described(each))


def _plain(addresses: Collection[str]) -> frozenset[str]:
    return frozenset(str(ip_address(address)) for address in addresses)


def _send(kind: int, flags: int, connection: Connection, attributes: bytes) -> None:
    """A connection that has ended by itself, or that a packet has made known again, is as it must be."""
    family = socket.AF_INET if ip_address(connection.source).version == 4 else socket.AF_INET6
    try:
        for _ in _ask(kind, _REQUEST | _ACK | flags, family, attributes):
            pass
    except HostError as error:
        if not isinstance(error.__cause__, (FileNotFoundError, FileExistsError)):
            raise


def _ask(kind: int, flags: int, family: int, attributes: bytes) -> Iterator[bytes]:
    """Sends one message, and returns the attributes of each that comes back until the kernel says that this was all."""
    body = struct.pack("=BBH", family, 0, 0) + attributes
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _FAMILY) as kernel:
            kernel.settimeout(_SECONDS)
            kernel.sendto(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body, (0, 0))
            while True:
                for answer, content in _messages(kernel.recv(1 << 18)):
                    if answer == _DONE:
                        return
                    if answer == _ERROR:
                        _raise(content)
                        return
                    yield content[4:]
    except OSError as error:
        raise HostError(
            "The kernel's memory of connections can't be read or written",
            detail=f"{type(error).__name__}: {error}",
            remedy="The agent needs CAP_NET_ADMIN, and its kernel nf_conntrack_netlink.",
            code="conntrack",
        ) from error


def _raise(content: bytes) -> None:
    [number] = struct.unpack_from("=i", content)
    if number:
        raise OSError(-number, os.strerror(-number) if -number in errno.errorcode else str(number))


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        yield kind, data[16:length]
        data = data[(length + 3) & ~3 :]


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def _attribute(kind: int, *parts: bytes) -> bytes:
    """One attribute; several parts, or one that is padded already, are attributes of it."""
    content = b"".join(parts)
    return struct.pack("=HH", 4 + len(content), kind) + content + bytes(-len(content) % 4)


def _read(message: bytes) -> Connection | None:
    """None for what is neither TCP nor UDP, and where the answer comes from elsewhere than the question went to (NAT)."""
    known = _attributes(message)
    one, two = _ends(known.get(_ORIGINAL, b"")), _ends(known.get(_REPLY, b""))
    if one is None or two is None or (one[0], one[3], one[4], one[1], one[2]) != two:
        return None
    tcp = _attributes(_attributes(known.get(_PROTOINFO, b"")).get(1, b""))
    state, *scales = (tcp.get(kind, b"\0")[0] for kind in (1, 2, 3))
    [seconds] = struct.unpack("!I", known.get(_TIMEOUT, bytes(4)))
    [status] = struct.unpack("!I", known.get(_STATUS, bytes(4)))
    return Connection(*one, seconds, state, (scales[0], scales[1]), bool(status & _SEEN_REPLY))


def _ends(data: bytes) -> tuple[int, str, int, str, int] | None:
    parts = _attributes(data)
    addresses, ports = _attributes(parts.get(1, b"")), _attributes(parts.get(2, b""))
    if ports.get(1, b"\0")[0] not in (TCP, UDP) or not {2, 3} <= ports.keys():
        return None
    source, target = (addresses.get(kind) or addresses.get(kind + 2, b"") for kind in (1, 2))
    source_port, target_port = (int.from_bytes(ports[kind], "big") for kind in (2, 3))
    return ports[1][0], str(ip_address(source)), source_port, str(ip_address(target)), target_port


def _described(each: Connection) -> bytes:
    status = _CONFIRMED | (_SEEN_REPLY | _ASSURED if each.answered else 0)
    described = _tuple(_ORIGINAL, each) + _tuple(_REPLY, each, answer=True)
    described += _attribute(_STATUS, struct.pack("!I", status)) + _attribute(_TIMEOUT, struct.pack("!I", each.seconds))
    if each.protocol == TCP:
        numbers = [
            _attribute(kind, bytes([value])) for kind, value in zip((1, 2, 3), (each.state, *each.scales), strict=True)
        ]
        flags = [_attribute(kind, bytes([_SCALED_AND_LIBERAL] * 2)) for kind in (4, 5)]
        described += _attribute(_PROTOINFO | _NESTED, _attribute(1 | _NESTED, *numbers, *flags))
    return described


def _tuple(kind: int, each: Connection, answer: bool = False) -> bytes:
    """The ends of a connection, as a packet of its opener has them or one of the answer."""
    ends = [(each.source, each.source_port), (each.target, each.target_port)]
    (source, source_port), (target, target_port) = reversed(ends) if answer else ends
    first = 1 if ip_address(source).version == 4 else 3
    addresses = (_attribute(first + n, ip_address(one).packed) for n, one in enumerate((source, target)))
    ports = (_attribute(2 + n, struct.pack("!H", port)) for n, port in enumerate((source_port, target_port)))
    protocol = _attribute(1, bytes([each.protocol]))
    return _attribute(kind | _NESTED, _attribute(1 | _NESTED, *addresses), _attribute(2 | _NESTED, protocol, *ports))
