"""An agent's `/metrics` over HTTP: one thread, one request at a time, each with a time limit; nothing else is answered."""

from __future__ import annotations

import secrets
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address

from busway.domain.errors import InvalidConfig
from busway.metrics.meters import CONTENT_TYPE, Meters

_SECONDS = 5.0  # that one client may take


class MetricsServer:
    """Serves meters at an address until it is closed; with a token, to whoever shows it."""

    def __init__(self, meters: Meters, address: str, port: int, token: str = "") -> None:
        if not token and not ip_address(address).is_loopback:
            raise InvalidConfig(
                f"The metrics of this agent on {address} would be readable by everybody",
                remedy="Set a token with --metrics-token FILE, or serve them on 127.0.0.1.",
                code="metrics-open",
            )
        try:
            self._server = _server(meters, address, port, token)
        except OSError as error:
            raise InvalidConfig(
                f"Can't serve metrics on {address}:{port}",
                detail=str(error),
                remedy="Stop the program that uses the port (`ss -ltnp`), or choose another port with --metrics.",
                code="port-in-use",
            ) from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends; a request under way has its time limit to end in."""
        self._server.shutdown()
        self._thread.join(_SECONDS + 1)
        self._server.server_close()


def parse_address(text: str) -> tuple[str, int]:
    """Reads ADDRESS:PORT, with an IPv6 address in brackets."""
    host, _, port = text.rpartition(":")
    try:
        address, number = str(ip_address(host.strip("[]"))), int(port)
        if not 0 <= number <= 65535:
            raise ValueError(port)
    except ValueError as error:
        raise InvalidConfig(
            f"{text} is not an address with a port", remedy="Write it like 127.0.0.1:9835.", code="metrics-address"
        ) from error
    return address, number


def _server(meters: Meters, address: str, port: int, token: str) -> HTTPServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SECONDS
        server_version = "busway"
        sys_version = ""

        def do_GET(self) -> None:
            """Answers with the metrics, or says why not."""
            if self.path.partition("?")[0] != "/metrics":
                self._answer(HTTPStatus.NOT_FOUND, b"There is /metrics.\n")
            elif token and not _shows(self.headers.get("Authorization", ""), token):
                self._answer(HTTPStatus.UNAUTHORIZED, b"The metrics need the token of this agent.\n")
            else:
                self._answer(HTTPStatus.OK, meters.text(), CONTENT_TYPE)

        def _answer(self, status: HTTPStatus, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_message: object) -> None:
            """Frequent scrapes are not logged."""

    class Server(HTTPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        request_queue_size = 16

        def handle_error(self, *_request: object) -> None:
            """A client that disconnected is not logged either."""

    return Server((address, port), Handler)


def _shows(header: str, token: str) -> bool:
    kind, _, given = header.partition(" ")
    return kind.lower() == "bearer" and secrets.compare_digest(given.strip().encode(), token.encode())
