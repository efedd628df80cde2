"""The socket by which one fake hypervisor hands a running guest over to another."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time

from busway.domain.ids import ServerId
from busway.domain.live_move import LiveProgress
from busway.domain.server import PowerState
from busway.hypervisor.live import LiveWatch, LiveWay
from busway.testing.hypervisor_domains import DomainFile, is_active


class DriverSocket:
    """Where another fake hypervisor hands its guests over: one connection for each."""

    def __init__(self, domains: DomainFile) -> None:
        self._domains = domains
        self._drop_unfinished()
        self.path = path = domains.path.with_name("driver.sock")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(path))
        self._listening.listen()
        threading.Thread(target=self._accept, name="fake libvirt", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), name="fake libvirt", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        uuid = ""
        with connection, contextlib.suppress(OSError, ValueError):
            reader = connection.makefile("rb")
            for line in reader:
                asked = json.loads(line)
                if "prepare" in asked:
                    uuid = str(asked["uuid"])
                    self._take_in(uuid, str(asked["name"]), str(asked["prepare"]))
                else:
                    self._arrive(uuid)
                connection.sendall(b"{}\n")
        if uuid:
            self._lose(uuid)

    def _take_in(self, uuid: str, name: str, xml: str) -> None:
        """Begins to be filled with another one's guest."""
        with self._domains.guard:
            domains = self._domains.load()
            if uuid in domains and is_active(domains[uuid]):
                raise ValueError(f"operation failed: domain '{name}' is already active")
            known = {"name": name, "xml": xml, "live": xml, "arriving": "yes"}
            domains[uuid] = {"power": PowerState.PAUSED.value, **known}
            self._domains.save(domains)

    def _arrive(self, uuid: str) -> None:
        """Has it whole, standing still."""
        with self._domains.guard:
            if uuid not in self._domains.load():
                raise ValueError("the domain is gone")
            self._domains.set_power(ServerId(uuid), PowerState.PAUSED)

    def _lose(self, uuid: str) -> None:
        """Does what libvirt does when the connection of its source breaks before the guest is whole."""
        with self._domains.guard:
            domains = self._domains.load()
            if "arriving" in domains.get(uuid, {}):
                del domains[uuid]
                self._domains.save(domains)

    def _drop_unfinished(self) -> None:
        """Does what libvirt does at its start with a guest that has not arrived whole."""
        domains = self._domains.load()
        whole = {uuid: domain for uuid, domain in domains.items() if "arriving" not in domain}
        if whole != domains:
            self._domains.save(whole)


def send_guest(way: LiveWay, uuid: str, name: str, looks: int, watch: LiveWatch) -> None:
    """Hands a guest over, with some looks at the progress; raises `OSError` or `ValueError` when the other side refuses or is gone."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as other:
        other.connect(str(way.driver))
        _ask(other, {"prepare": way.xml, "name": name, "uuid": uuid})
        for done in range(looks):
            time.sleep(0.05)
            watch(LiveProgress(1000, 1000 * done // looks, 1000 - 1000 * done // looks))
        _ask(other, {"finish": True})


def _ask(other: socket.socket, words: dict[str, object]) -> None:
    """Sends one line of JSON and waits for the answer; raises `ValueError` when the other side is gone."""
    other.sendall(json.dumps(words).encode() + b"\n")
    answer = b""
    while not answer.endswith(b"\n"):
        piece = other.recv(4096)
        if not piece:
            raise ValueError("the other side has closed the connection")
        answer += piece
