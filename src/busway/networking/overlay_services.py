"""What a host answers on its overlay networks, at their gateway addresses: the metadata service, and what OVN leaves of DNS.

Networks may have the same addresses, and a host's own routes must not know any of them. So each network has a namespace with
one card, which is plugged into the network's port `services-ID`; OVN has that port on every host, and each host answers its
own guests. Namespace and card are gone when the agent is, and come back with its next round.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network
from pathlib import Path

from busway.domain.errors import HostError
from busway.domain.guest_network import (
    INTEGRATION_BRIDGE,
    METADATA_ADDRESS,
    SERVICES_PREFIX,
    HostNetwork,
    services_device,
    services_name,
)
from busway.domain.ids import NetworkId
from busway.domain.network import mac_for
from busway.networking.links import Links
from busway.networking.namespace import Namespace
from busway.networking.programs import run

_SIOCETHTOOL, _ETHTOOL_STXCSUM = 0x8946, 0x17
_REFUSED = 5
_PAUSE_S = 0.005  # between two answers of DNS: 200 a second are enough, and a guest that asks more costs nothing


@dataclass(frozen=True, slots=True)
class ServicesPort:
    """The card of a host on one network, with its namespace."""

    network: HostNetwork
    device: str
    namespace: Namespace
    dns: Leftovers


class OverlayServices:
    """The cards of one host; `vsctl` is the command line of ovs-vsctl up to its verb."""

    def __init__(self, links: Links, vsctl: tuple[str, ...]) -> None:
        self._links = links
        self._vsctl = vsctl
        self._ports: dict[NetworkId, ServicesPort] = {}
        self._seen = False

    def ensure(self, network: HostNetwork) -> ServicesPort:
        """The card on a network that has a gateway; raises `HostError`."""
        known = self._ports.get(network.id)
        device = services_device(network.id)
        if known is not None and (known.network != network or not self._links.exists(device)):
            self._drop(network.id)
            known = None
        try:
            if known is None:
                known = self._ports[network.id] = self._make(network, device)
            plugged = ("set", "interface", device, f"external_ids:iface-id={services_name(network.id)}")
            run(*self._vsctl, "--may-exist", "add-port", INTEGRATION_BRIDGE, device, "--", *plugged)
        except (OSError, HostError) as error:
            raise HostError(
                f"This host can't answer on network {network.name}",
                detail=str(error),
                remedy="The agent needs the right to make network namespaces. Until then guests only have their "
                "configuration drives, and names of guests.",
                code="overlay-services",
            ) from error
        return known

    def keep_only(self, networks: Collection[NetworkId]) -> None:
        """Removes the other cards, and once those that an earlier agent left in Open vSwitch."""
        for network in self._ports.keys() - set(networks):
            self._drop(network)
        if networks and not self._seen:
            expected = {services_device(network) for network in networks}
            there = run(*self._vsctl, "list-ports", INTEGRATION_BRIDGE).split()
            for device in there:
                if device.startswith(SERVICES_PREFIX) and device not in expected:
                    self._unplug(device)
            self._seen = True

    def close(self) -> None:
        """Removes all cards."""
        for network in list(self._ports):
            self._drop(network)

    def _make(self, network: HostNetwork, device: str) -> ServicesPort:
        # A card of an agent that was killed; Open vSwitch must let go of it, or it keeps one that is gone.
        with suppress(HostError):  # it goes by itself, with its namespace
            self._links.remove(device)
        self._unplug(device)
        namespace = Namespace()
        try:
            namespace.do(partial(_furnish, network, device))
            run("ip", "link", "set", device, "mtu", str(network.mtu), "up")
            asked = namespace.do(partial(_udp, network.gateway, device))
        except BaseException:
            namespace.end()
            raise
        return ServicesPort(network, device, namespace, Leftovers(asked, network.domain))

    def _drop(self, network: NetworkId) -> None:
        port = self._ports.pop(network)
        port.dns.end()
        try:
            self._links.remove(port.device)  # before its namespace, which would take it along at some later moment
        finally:
            port.namespace.end()
        self._unplug(port.device)

    def _unplug(self, device: str) -> None:
        """Waits until the switch has done it."""
        waiting = [word for word in self._vsctl if word != "--no-wait"]
        run(*waiting, "--if-exists", "del-port", INTEGRATION_BRIDGE, device)


def _furnish(network: HostNetwork, device: str) -> None:
    """Within the namespace: one card, whose other end is in the namespace of the process, with the gateway's addresses."""
    run("ip", "link", "add", device, "address", mac_for(network.id), "type", "veth", "peer", "name", device,
        "netns", str(os.getpid()))  # fmt: skip
    run("ip", "link", "set", device, "mtu", str(network.mtu))
    run("ip", "link", "set", "lo", "up")
    # It asks for guests' MACs as the gateway: OVN's switch knows no 169.254.169.254. (/proc/sys/net is the caller's namespace's.)
    Path(f"/proc/sys/net/ipv4/conf/{device}/arp_announce").write_text("2")
    run("ip", "link", "set", device, "up")
    prefix = ip_network(network.cidr).prefixlen
    run("ip", "address", "add", f"{network.gateway}/{prefix}", "dev", device)
    run("ip", "address", "add", f"{METADATA_ADDRESS}/32", "dev", device)
    _whole_checksums(device)


def _whole_checksums(device: str) -> None:
    """Makes the kernel compute checksums that it leaves to cards: Open vSwitch in user space passes packets on as they are."""
    value = bytearray(struct.pack("II", _ETHTOOL_STXCSUM, 0))
    buffer = (ctypes.c_char * len(value)).from_buffer(value)
    request = struct.pack("16sP", device.encode(), ctypes.addressof(buffer))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        fcntl.ioctl(asked, _SIOCETHTOOL, request)


def _udp(address: str, device: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        made.bind((address, 53))
    except OSError:
        made.close()
        raise
    return made


class Leftovers:
    """Answers the questions of DNS that OVN passes on, so that no guest waits for an answer that nobody gives.

    OVN answers for addresses of guests. What comes here is a name of the network without an address of the kind that was
    asked for (a guest without IPv6), or a name of elsewhere, which is refused: a resolver asks its next server.
    """

    def __init__(self, asked: socket.socket, domain: str) -> None:
        self._socket = asked
        self._domain = domain
        self._ended = False
        threading.Thread(target=self._serve, name="overlay-dns", daemon=True).start()

    def end(self) -> None:
        """Stops answering."""
        self._ended = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread, although it is not connected

    def _serve(self) -> None:
        with self._socket:
            while not self._ended:
                with suppress(OSError):  # of a guest that is gone
                    question, sender = self._socket.recvfrom(1500)
                    answer = answer_of(question, self._domain)
                    if answer is not None:
                        self._socket.sendto(answer, sender)
                time.sleep(_PAUSE_S)


def answer_of(question: bytes, domain: str) -> bytes | None:
    """The answer without addresses to a question of DNS (RFC 1035), None for what is no question."""
    if len(question) < 12:
        return None
    number, flags, count = struct.unpack(">3H", question[:6])
    name, end = _name(question)
    if flags & 0x8000 or count != 1 or end + 4 > len(question) or name is None:
        return None
    is_local = "." not in name or (domain and name.endswith(f".{domain.lower()}"))
    reply_flags = 0x8080 | flags & 0x7900 | (0 if is_local and not flags & 0x7800 else _REFUSED)
    return struct.pack(">6H", number, reply_flags, 1, 0, 0, 0) + question[12 : end + 4]


def _name(question: bytes) -> tuple[str | None, int]:
    """The name that is asked for, and where it ends; a question has no compressed names."""
    parts, position = [], 12
    while position < len(question) and (size := question[position]):
        if size > 63:
            return None, 0
        parts.append(question[position + 1 : position + 1 + size].decode("ascii", "replace").lower())
        position += size + 1
    return (".".join(parts) if position < len(question) else None), position + 1
