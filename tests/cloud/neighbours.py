"""Two tenants beside each other on one bridge: requests as each of them, and what goes over the cards of their guests."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from busway.domain.guest_network import tap_name
from busway.domain.ids import PortId
from busway.lab import LabHost

# Each frame on the cards in argv that is not TCP, as "CARD in|out HEX": "in" is what its guest sends.
_LISTEN = """
import socket, sys
opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
print("listens", flush=True)
while True:
    data, (name, _protocol, kind, *_rest) = opened.recvfrom(65535)
    if name in sys.argv[1:] and data[12:14] + data[23:24] != b"\\x08\\x00\\x06":
        print(name, "out" if kind == socket.PACKET_OUTGOING else "in", data.hex(), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Card:
    """The card of one guest: its MAC, its IPv4 address, and its interface on the host."""

    mac: str
    address: str
    tap: str


class Tenant:
    """Asks the cloud's APIs as one user of one project; what is refused fails the test."""

    def __init__(self, url: str, user: str, password: str, project: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=60)
        who = {"user": {"name": user, "domain": {"id": "default"}, "password": password}}
        scope = {"project": {"name": project, "domain": {"id": "default"}}}
        auth = {"identity": {"methods": ["password"], "password": who}, "scope": scope}
        answer = self._http.post("/identity/v3/auth/tokens", json={"auth": auth})
        assert answer.status_code == 201, answer.text
        self._http.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        self.user_id = answer.json()["token"]["user"]["id"]
        self.project_id = answer.json()["token"]["project"]["id"]

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, body: object = None, kind: str = "application/json") -> Any:
        answer = self._http.request(method, path, json=body, headers={"Content-Type": kind})
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    def let_in(self, protocol: str, port: int) -> None:
        """Lets a port into the cards of the tenant's default group."""
        [group] = self.ask("GET", f"/network/v2.0/security-groups?name=default&project_id={self.project_id}")[
            "security_groups"
        ]
        rule = {"security_group_id": group["id"], "direction": "ingress", "ethertype": "IPv4", "protocol": protocol}
        body = {"security_group_rule": {**rule, "port_range_min": port, "port_range_max": port}}
        self.ask("POST", "/network/v2.0/security-group-rules", body)

    def boot(self, name: str, flavor: str, image: str, script: str = "") -> str:
        """Asks for a server, whose guest runs a script when it is up, and returns its id."""
        wish = {"name": name, "flavorRef": flavor, "imageRef": image}
        if script:
            wish["user_data"] = base64.b64encode(script.encode()).decode()
        return str(self.ask("POST", "/compute/v2.1/servers", {"server": wish})["server"]["id"])

    def status(self, server: str) -> str:
        return str(self.ask("GET", f"/compute/v2.1/servers/{server}")["server"]["status"])

    def ready(self, server: str) -> bool:
        """Whether the guest has said on its console that it is up."""
        return "busway-guest ready" in self.console(server)

    def console(self, server: str) -> str:
        """What the guest has said on its console."""
        body: dict[str, object] = {"os-getConsoleOutput": {}}
        return str(self.ask("POST", f"/compute/v2.1/servers/{server}/action", body)["output"])

    def card(self, server: str) -> Card:
        [port] = self.ask("GET", f"/network/v2.0/ports?device_id={server}")["ports"]
        return Card(port["mac_address"], port["fixed_ips"][0]["ip_address"], tap_name(PortId(port["id"])))


@dataclass(frozen=True, slots=True, repr=False)
class Heard:
    """What went over the cards, frame by frame."""

    frames: list[tuple[str, str, bytes]]

    def __repr__(self) -> str:
        return "\n".join(f"{name} {way} {data.hex()}" for name, way, data in self.frames)

    def sent(self, card: Card, words: bytes) -> bool:
        """Whether the guest itself put these bytes on its card."""
        return any(words in data for name, way, data in self.frames if (name, way) == (card.tap, "in"))

    def arrived(self, card: Card, words: bytes) -> bool:
        return any(words in data for name, way, data in self.frames if (name, way) == (card.tap, "out"))


@contextmanager
def listening(host: LabHost, *cards: Card) -> Iterator[Heard]:
    """Listens at the cards for as long as the block runs; `frames` is filled at its end."""
    log: Path = host.share / "log" / "cards.log"
    log.unlink(missing_ok=True)
    heard = Heard([])
    pid = host.spawn([sys.executable, "-I", "-S", "-c", _LISTEN, *(card.tap for card in cards)], log.name)
    try:
        yield heard
    finally:
        host.kill(pid)
        lines = log.read_text().splitlines()[1:]
        heard.frames.extend((name, way, bytes.fromhex(text)) for name, way, text in map(str.split, lines))


def is_listening(host: LabHost) -> bool:
    log = host.share / "log" / "cards.log"
    return log.exists() and log.read_text().startswith("listens\n")
