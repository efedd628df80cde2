"""A small real HTTP server that speaks the control plane's side of the conversation, for tests of the link."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from busway.domain.documents import Desired, Observed
from busway.domain.ids import ServerId
from busway.wire.documents import decode_observed, encode


class ControlPlane:
    """What the server answers from and what it was told."""

    def __init__(self) -> None:
        self.desired: Desired | None = None
        self.images: dict[str, bytes] = {}
        self.consoles: dict[ServerId, bytes] = {}
        self.disks: dict[str, bytes] = {}
        self.reports: list[Observed] = []
        self.queries: list[dict[str, list[str]]] = []
        self.refusal: tuple[int, dict[str, str]] | None = None
        self.told = threading.Condition()
        self.url = ""

    def wait_for_report(
        self, generation: int, seconds: float = 30, reached: Callable[[Observed], object] = lambda _observed: True
    ) -> Observed:
        """The first newest report of a document that shows what is waited for."""

        def is_there() -> bool:
            return bool(self.reports and self.reports[-1].generation >= generation and reached(self.reports[-1]))

        with self.told:
            assert self.told.wait_for(is_there, seconds), self.reports[-1:]
            return self.reports[-1]


@contextmanager
def serving(plane: ControlPlane) -> Iterator[ControlPlane]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: object) -> None:
            pass

        def answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def refuse(self) -> bool:
            if self.headers["Authorization"] != "Bearer s3cret":
                self.answer(401, b"who are you")
            elif plane.refusal is not None:
                self.answer(plane.refusal[0], json.dumps({"error": plane.refusal[1]}).encode())
            else:
                return False
            return True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if self.refuse():
                return
            if parts.path == "/agent/v1/hosts/host-1/desired":
                query = parse_qs(parts.query)
                plane.queries.append(query)
                desired = plane.desired
                if desired is not None and desired.generation > int(query["after"][0]):
                    self.answer(200, encode(desired))
                else:
                    self.answer(204)
            elif parts.path.startswith("/agent/v1/images/") and parts.path.split("/")[4] in plane.images:
                self.answer(200, plane.images[parts.path.split("/")[4]])
            else:
                self.answer(404)

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.refuse():
                return
            if self.path == "/agent/v1/hosts/host-1/observed":
                with plane.told:
                    plane.reports.append(decode_observed(body))
                    plane.told.notify_all()
            elif "/disks/" in self.path:
                plane.disks[self.path] = body
            else:
                assert self.headers["Content-Type"].startswith("text/plain")
                plane.consoles[ServerId(self.path.split("/")[6])] = body
            self.answer(204)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    plane.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield plane
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
