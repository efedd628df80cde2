"""A mirror on loopback: a real HTTP server over a folder, which can be told to misbehave."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from busway.catalogue.publish import publish
from busway.pki.ed25519 import make_key, public_word
from tests.api.test_images import qcow2

# A header that hosts take, and three megabytes.
IMAGE = qcow2() + b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(100_000))


@dataclass
class Mirror:
    """A folder with a signed catalogue, and the server of it."""

    folder: Path
    key: str = field(default_factory=make_key)
    cut_after: int | None = None  # bytes of each answer's body, after which the connection is cut
    ranges: bool = True
    more: bytes = b""  # sent behind the file, without a length
    asked: list[tuple[str, str]] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)  # paths that are redirected, and where
    server: Any = None

    @property
    def public(self) -> str:
        return public_word(self.key)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"

    @property
    def image(self) -> Path:
        return self.folder / "debian-12/20261101/x86_64.qcow2"

    def write(self, serial: str = "20261101", data: bytes = IMAGE, now: datetime | None = None, **item: Any) -> None:
        """Writes one product with one version, and signs it."""
        path = self.folder / f"debian-12/{serial}/x86_64.qcow2"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        made = {"path": str(path.relative_to(self.folder)), "min_disk": 1, **item}
        document = {
            "products": {
                "debian-12": {
                    "title": "Debian 12 (bookworm)",
                    "aliases": ["bookworm"],
                    "properties": {"os_distro": "debian", "os_version": "12", "hw_firmware_type": "uefi"},
                    "versions": {serial: {"items": {"x86_64": made}}},
                }
            }
        }
        (self.folder / "catalogue.json").write_text(json.dumps(document))
        now = now or datetime.now(UTC)
        publish(self.folder / "catalogue.json", self.key, now, now + timedelta(days=30))

    def start(self, tls: ssl.SSLContext | None = None) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def _handler(mirror: Mirror) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_words: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            mirror.asked.append((self.path, wanted))
            path = mirror.folder / self.path.lstrip("/")
            if self.path in mirror.moved:
                self.send_response(302)
                self.send_header("Location", mirror.moved[self.path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if not path.is_file():
                self.send_error(404)
                return
            data, start = path.read_bytes(), 0
            if mirror.ranges and wanted:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if start >= len(data):
                    self.send_error(416)
                    return
            is_image = path.suffix != ".json" and path.suffix != ".sig"
            body = data[start:] + (mirror.more if is_image else b"")
            self.send_response(206 if start else 200)
            if not (mirror.more and is_image):
                self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            if is_image and mirror.cut_after is not None:
                body = body[: mirror.cut_after]
            if self.command != "HEAD":
                self.wfile.write(body)

    return Handler
