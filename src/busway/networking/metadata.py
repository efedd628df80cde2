"""The metadata service: each guest reads its own documents at 169.254.169.254, from its host, on its network's bridge.

It may post one thing there: the password that it has made for itself, encrypted for its user's key (`openstack/latest/password`).

A guest is who its address says on the bridge that it is plugged into. That is true because the packet filter (of OVN on an
overlay network) lets nobody else speak to the service from that address, and lets the answers out to nobody else. One listener
for each bridge, bound to that interface: a request that comes in by another one, routed or not, finds none.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any

from busway.domain.documents import Desired, DesiredServer
from busway.domain.errors import BadInput, BuswayError, Conflict, HostError
from busway.domain.guest_files import is_password, read_path
from busway.domain.guest_network import METADATA_ADDRESS
from busway.domain.ids import NetworkId, ServerId
from busway.networking.namespace import Namespace

PORT = 80
_SECONDS = 10.0  # for each thing that a client sends or takes
_MOST_OF_ONE = 8  # connections of one guest at a time
_MOST = 256  # connections of one network at a time
_PASSWORD_BYTES = 1020  # what Nova keeps
_POSTS, _POSTS_SECONDS = 5, 10.0  # of one guest: each costs the control plane a transaction


@dataclass(frozen=True, slots=True)
class Place:
    """Where a network's guests are answered: an interface, and its namespace if that is not the host's own."""

    device: str
    namespace: Namespace | None = None


Find = Callable[[str], DesiredServer | None]
# Takes the password that a server's guest has made; its errors are the guest's answers.
Post = Callable[[ServerId, str], None]


class MetadataService:
    """The listeners of a host; `guests` are those of the newest document."""

    def __init__(
        self,
        address: str = METADATA_ADDRESS,
        port: int = PORT,
        root: Path = Path("/"),
        post: Post | None = None,
    ) -> None:
        self._where = (address, port)
        self._post = post
        self._neighbours = root / "proc/net/arp"
        self._guests: Mapping[tuple[str, str], tuple[DesiredServer, str] | None] = {}
        self._listeners: dict[Place, _Listener] = {}

    def serve(self, desired: Desired, places: Mapping[NetworkId, Place]) -> tuple[BuswayError, ...]:
        """Listens at these places and at no others; what can't be listened on comes back."""
        self._guests = _guests(desired, {network: place.device for network, place in places.items()})
        wanted = set(places.values())
        for place in self._listeners.keys() - wanted:
            self._listeners.pop(place).end()
        faults: list[BuswayError] = []
        for place in sorted(wanted - self._listeners.keys(), key=lambda each: each.device):
            try:
                self._listeners[place] = _Listener(self._where, place, partial(self._find, place), self._post)
            except OSError as error:
                faults.append(
                    HostError(
                        f"The metadata service can't listen at {METADATA_ADDRESS} on {place.device}",
                        detail=str(error),
                        remedy="Stop the program that listens on port 80 of all addresses. Until then guests only "
                        "have their configuration drives.",
                        code="metadata-listen",
                    )
                )
        return tuple(faults)

    def close(self) -> None:
        """Ends all listeners."""
        while self._listeners:
            self._listeners.popitem()[1].end()

    def _find(self, place: Place, address: str) -> DesiredServer | None:
        """The server whose card has this address there, if the kernel knows the address by that card's MAC."""
        found = self._guests.get((place.device, address))
        if found is None or self._neighbour(place, address) != found[1]:
            return None
        return found[0]

    def _neighbour(self, place: Place, address: str) -> str | None:
        """The MAC to which the host answers this address (/proc/net/arp: address, type, flags, MAC, mask, device)."""
        table = self._neighbours if place.namespace is None else place.namespace.neighbours
        for line in table.read_text().splitlines()[1:]:
            words = line.split()
            if len(words) == 6 and (words[0], words[5]) == (address, place.device):
                return words[3].lower()
        return None


def _guests(
    desired: Desired, bridges: Mapping[NetworkId, str]
) -> dict[tuple[str, str], tuple[DesiredServer, str] | None]:
    """Each card by bridge and address; None where two cards on one bridge have the same address."""
    found: dict[tuple[str, str], tuple[DesiredServer, str] | None] = {}
    for server in desired.servers:
        for nic in server.plugged:
            bridge = bridges.get(nic.network)
            for address in nic.addresses if bridge is not None else ():
                key = (str(bridge), address)
                found[key] = None if key in found else (server, nic.mac.lower())
    return found


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, where: tuple[str, int], place: Place, find: Find, post: Post | None) -> None:
        super().__init__(where, _Handler, bind_and_activate=False)
        if place.namespace is not None:
            self.socket.close()
            self.socket = place.namespace.do(partial(socket.socket, self.address_family, self.socket_type))
        self.find = find
        self.post = post
        self._open: Counter[str] = Counter()
        self._posts: Counter[ServerId] = Counter()
        self._posts_since = time.monotonic()
        self._lock = threading.Lock()
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, place.device.encode())
            TCPServer.server_bind(self)  # without HTTPServer's question of DNS for its own name
            self.server_activate()
        except OSError:
            self.server_close()
            raise
        threading.Thread(target=self.serve_forever, name=f"metadata-{place.device}", daemon=True).start()

    def end(self) -> None:
        self.shutdown()
        self.server_close()

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - socketserver's
        """Refuses a client that has enough connections already."""
        with self._lock:
            if self._open[client_address[0]] >= _MOST_OF_ONE or self._open.total() >= _MOST:
                return False
            self._open[client_address[0]] += 1
            return True

    def may_post(self, server_id: ServerId) -> bool:
        """Counts a post of a guest; False for one too many."""
        with self._lock:
            if time.monotonic() - self._posts_since > _POSTS_SECONDS:
                self._posts.clear()
                self._posts_since = time.monotonic()
            self._posts[server_id] += 1
            return self._posts[server_id] <= _POSTS

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Counts the connection as gone when it is."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open[client_address[0]] -= 1
                self._open += Counter()  # forgets those without any

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that breaks off is none of ours."""


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    timeout = _SECONDS
    server_version, sys_version = "busway", ""

    def do_GET(self) -> None:
        """Answers with the file or folder of the guest that asks; 404 for anything else."""
        server = self.server.find(self.client_address[0])
        path = self.path.partition("?")[0]
        try:
            data = read_path(server, path) if server is not None else None
        except HostError:
            data = None
        if data is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json" if path.endswith(".json") else "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_HEAD = do_GET  # noqa: N815 - http.server's names

    def do_POST(self) -> None:
        """Takes the guest's password, which it has encrypted for its user's key; 409 for a second one, 404 elsewhere."""
        server = self.server.find(self.client_address[0])
        if server is None or self.server.post is None or not is_password(self.path.partition("?")[0]):
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        if not self.server.may_post(server.id):
            self.send_error(HTTPStatus.TOO_MANY_REQUESTS)
            self.close_connection = True
            return
        status = HTTPStatus.NO_CONTENT
        try:
            self.server.post(server.id, self._password())
        except Conflict:
            status = HTTPStatus.CONFLICT
        except (BadInput, ValueError):
            status = HTTPStatus.BAD_REQUEST
        except BuswayError:
            status = HTTPStatus.SERVICE_UNAVAILABLE
        self.close_connection = True  # what of a body was not read is no next request
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _password(self) -> str:
        size = int(self.headers.get("Content-Length", "0"))
        if not 0 < size <= _PASSWORD_BYTES:
            raise BadInput(f"A password of {size} bytes", code="server-password")
        return self.rfile.read(size).decode("ascii")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the standard library
        """Says nothing: a guest must not fill its host's log."""
