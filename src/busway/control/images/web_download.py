"""Downloads image data from a URL that the operator permits, or from an endpoint of the catalog, and connects to nothing else.

The name of the host is resolved once, each address is checked, and the connection goes to one of these addresses,
so that DNS can't redirect it to an internal network. Redirects follow the same rules. No proxy, cookie or password
is used.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urljoin

import httpx

from busway.domain.errors import BadInput, BuswayError
from busway.domain.import_rules import ImportRules, Place, as_address
from busway.pki.context import client_context

SECONDS = 3600.0
MOST_REDIRECTS = 5
# A download that brings less in this time holds a place that others wait for, and would not end within `SECONDS` either.
LEAST_BYTES, LEAST_SECONDS = 2 * 1024**2, 60.0
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_MOST_ADDRESSES = 4

Resolve = Callable[[str, int], list[str]]


class Taker(Protocol):
    """The receiver of downloaded data."""

    def write(self, piece: bytes) -> None:
        """Takes one chunk; raises to stop the download."""


def resolve(host: str, port: int) -> list[str]:
    """Returns the IP addresses of a host name; raises `OSError` if it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


@dataclass
class Fetch:
    """One download. `begin` is called with the size that the server announces, None if unknown; it returns the receiver.

    `headers` go to whoever is asked: with a secret among them, `most_redirects` is 0. `ca` is an authority (PEM) that is
    believed beside those of the system.
    """

    rules: ImportRules
    begin: Callable[[int | None], Taker]
    watch: Callable[[], None]
    seconds: float = SECONDS
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    most_redirects: int = MOST_REDIRECTS
    ca: str = ""
    remedy: str = "Check the URL; then import the image again."
    resolve: Resolve = resolve
    _sockets: list[socket.socket] = field(default_factory=list)
    _late: bool = False

    def run(self, url: str) -> None:
        """Downloads the data; raises `BadInput` for a URL or address that is not permitted, and for an empty answer."""
        timer = threading.Timer(self.seconds, self._end)
        timer.daemon = True
        timer.start()
        try:
            self._follow(url)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise self._no_data(
                f"{type(error).__name__}: {error}" if not self._late else f"it took more than {self.seconds:g} s"
            ) from error
        finally:
            timer.cancel()

    def _follow(self, url: str) -> None:
        for _ in range(self.most_redirects + 1):
            place = self.rules.check_url(url)
            with self._answer(place) as answer:
                if not answer.is_redirect:
                    self._take(answer)
                    return
                url = urljoin(url, answer.headers["location"])
        raise self._no_data(f"it was redirected more than {self.most_redirects} times")

    @contextmanager
    def _answer(self, place: Place) -> Iterator[httpx.Response]:
        addresses = [place.host] if as_address(place.host) else self.resolve(place.host, place.port)
        for address in addresses:
            self.rules.check_address(address)
        with (
            httpx.Client(timeout=_TIMEOUT, trust_env=False, verify=client_context(also=self.ca)) as client,
            self._connected(client, place, addresses[:_MOST_ADDRESSES]) as answer,
        ):
            yield answer

    @contextmanager
    def _connected(self, client: httpx.Client, place: Place, addresses: list[str]) -> Iterator[httpx.Response]:
        """Returns the response of the first address that accepts a connection."""
        for number, address in enumerate(addresses, 1):
            request = self._request(client, place, address)
            try:
                answer = client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if number == len(addresses):
                    raise
                continue
            try:
                yield answer
            finally:
                answer.close()
            return
        raise self._no_data(f"{place.host} has no address")

    def _request(self, client: httpx.Client, place: Place, address: str) -> httpx.Request:
        host = f"[{place.host}]" if ":" in place.host else place.host
        headers = {
            "Host": host if place.is_usual else f"{host}:{place.port}",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "User-Agent": "busway",
            **self.headers,
        }
        host = f"[{address}]" if ":" in address else address
        extensions: dict[str, Any] = {"trace": self._trace}
        if place.scheme == "https":
            extensions["sni_hostname"] = place.host
        return client.build_request(
            "GET", f"{place.scheme}://{host}:{place.port}{place.target}", headers=headers, extensions=extensions
        )

    def _trace(self, event: str, facts: Mapping[str, Any]) -> None:
        """Keeps the socket of the connection, so that `_end` can close it."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets.append(facts["return_value"].get_extra_info("socket"))
            if self._late:
                self._end()

    def _end(self) -> None:
        """Closes a connection that takes too long, at whatever point it is."""
        self._late = True
        for each in list(self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _take(self, answer: httpx.Response) -> None:
        if answer.status_code != httpx.codes.OK:
            raise self._no_data(f"the server answered {answer.status_code}")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise self._no_data("the server sent it compressed")
        length = answer.headers.get("content-length", "")
        expected = int(length) if length.isdigit() and len(length) < 20 else None
        taker, size = self.begin(expected), 0
        counted, since = 0, time.monotonic()
        for piece in answer.iter_raw():
            self.watch()
            if self._late:
                break
            size += len(piece)
            taker.write(piece)
            if time.monotonic() - since >= LEAST_SECONDS:
                if size - counted < LEAST_BYTES:
                    raise self._no_data(f"only {size - counted} bytes came in {LEAST_SECONDS:g} s")
                counted, since = size, time.monotonic()
        if self._late:
            raise self._no_data(f"it took more than {self.seconds:g} s")
        if size == 0 or (expected is not None and size != expected):
            raise self._no_data(f"it sent {size} of {'an unknown number of' if expected is None else expected} bytes")

    def _no_data(self, why: str) -> BuswayError:
        return BadInput(
            "The image could not be fetched",
            detail=f"Reason: {why[:500]}.",
            remedy=self.remedy,
            code="image-import-fetch",
        )
