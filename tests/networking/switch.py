"""A bridge with cards in a network namespace of its own: what a card sends, and whether it comes out at another.

Run as `python -m tests.networking.switch` within `unshare --net`; it reads one JSON object a line and answers one.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_ALL = socket.htons(3)


def main() -> None:
    os.sched_setaffinity(0, {next(iter(os.sched_getaffinity(0)))})  # frames keep their order on one CPU
    switch = Switch()
    for line in sys.stdin:
        print(json.dumps(switch.answer(json.loads(line))), flush=True)


class Switch:
    """Port `NAME` of the bridge is joined to `gNAME`, where a guest would be; `plain` is a port without a filter.

    It learns no addresses: each frame is sent to every port, so that no earlier one decides where it goes."""

    def __init__(self) -> None:
        Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        _ip("link add sw0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
        _ip("link set sw0 up")
        self._sockets: dict[str, socket.socket] = {}
        self._count = 0
        self.plug("marker")
        self.plug("watch")
        self.plug("plain")

    def plug(self, name: str) -> None:
        _ip(f"link add {name} type veth peer name g{name}")
        _ip(f"link set {name} master sw0 up")
        _ip(f"link set {name} type bridge_slave learning off")
        _ip(f"link set g{name} up promisc on")
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, _ALL)
        opened.bind((f"g{name}", 0))
        self._sockets[name] = opened

    def answer(self, request: dict[str, str]) -> object:
        if "nft" in request:
            done = subprocess.run(["nft", "-f", "-"], input=request["nft"], capture_output=True, text=True)
            return done.stderr
        for name in (request["from"], request["to"]):
            if name not in self._sockets:
                self.plug(name)
        return self.reaches(request["from"], request["to"], base64.b64decode(request["frame"]))

    def reaches(self, source: str, target: str, frame: bytes) -> bool:
        """Sends the frame, then a marker between two ports without a filter: what came before it has arrived."""
        self._count += 1
        marker = (b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb5" + self._count.to_bytes(8, "big")).ljust(60, b"\0")
        self._received(target)  # what was sent before, to another card, came here too
        self._sockets[source].send(frame)
        self._sockets["marker"].send(marker)
        self._sockets["watch"].settimeout(5)
        while self._sockets["watch"].recv(2048) != marker:
            pass
        return any(data[:12] == frame[:12] for data in self._received(target))

    def _received(self, target: str) -> list[bytes]:
        """The frames that a card has received since they were last asked for."""
        found = []
        self._sockets[target].settimeout(0)
        with suppress(BlockingIOError):
            while True:
                data, (_name, _protocol, kind, *_rest) = self._sockets[target].recvfrom(2048)
                if kind != socket.PACKET_OUTGOING:
                    found.append(data)
        return found


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True, capture_output=True)


if __name__ == "__main__":
    main()
