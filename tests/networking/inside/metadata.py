"""Run within a network namespace: the metadata service, asked by guests in namespaces of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from busway.domain.documents import ConfigDrive, Desired, Nic
from busway.domain.errors import Conflict
from busway.domain.guest_network import HostNetwork
from busway.domain.ids import NetworkId, PortId, ServerId
from busway.networking.links import Links
from busway.networking.networks import HostNetworks
from busway.networking.ruleset import ControlPlane
from tests.networking.desired import desired_of
from tests.networking.inside.drivers import ip, run, wait_for

NETWORK = HostNetwork(
    NetworkId("11111111-0000-4000-8000-000000000001"), "private", "local", cidr="10.66.0.0/24", gateway="10.66.0.1"
)
OTHER = replace(NETWORK, id=NetworkId("22222222-0000-4000-8000-000000000002"), cidr="10.67.0.0/24", gateway="10.67.0.1")
WEB = Nic(
    "fa:16:3e:00:00:01", "10.66.0.10", 24, "10.66.0.1", PortId("aaaaaaaa-0000-4000-8000-000000000001"), NETWORK.id,
    driver="local", security=False,
)  # fmt: skip
DB = replace(
    WEB, mac="fa:16:3e:00:00:02", address="10.66.0.11", port=PortId("bbbbbbbb-0000-4000-8000-000000000001")
)  # fmt: skip
FAR = replace(
    WEB, mac="fa:16:3e:00:00:03", address="10.67.0.10", gateway="10.67.0.1", network=OTHER.id,
    port=PortId("cccccccc-0000-4000-8000-000000000001"),
)  # fmt: skip
FETCH = (
    sys.executable,
    "-c",
    "import http.client, sys; from urllib.parse import urlsplit; url = urlsplit(sys.argv[1]);"
    "c = http.client.HTTPConnection(url.netloc, timeout=1, source_address=(sys.argv[2], 0) if sys.argv[2:] else None);"
    "c.request('GET', url.path); r = c.getresponse(); d = r.read();"
    "sys.stdout.buffer.write(d) if r.status == 200 else sys.exit(f'Error: HTTP {r.status}')",
)
PASSWORD = "http://169.254.169.254/openstack/latest/password"
SEND = (
    sys.executable,
    "-c",
    "import http.client, sys; from urllib.parse import urlsplit; url = urlsplit(sys.argv[1]);"
    "c = http.client.HTTPConnection(url.netloc, timeout=1); c.request('POST', url.path, sys.argv[2]);"
    "print(c.getresponse().status)",
)
META = "http://169.254.169.254/openstack/latest/meta_data.json"


def main(folder: Path) -> None:
    ip("link set lo up")
    posted: dict[str, str] = {}

    def post(server: ServerId, password: str) -> None:
        if server in posted:
            raise Conflict("It has posted one already", code="server-password")
        posted[server] = password

    networks = HostNetworks(folder / "networks", {}, lambda: ControlPlane((), 1), Links(), post)
    faults = networks.converge(document())
    assert not faults, [(fault.brief, fault.detail) for fault in faults]
    with guest(WEB, NETWORK) as web, guest(DB, NETWORK) as db, guest(FAR, OTHER) as far:
        assert [name(pid) for pid in (web, db, far)] == ["server-1", "server-2", "server-3"]
        assert ask(web, "http://169.254.169.254/latest/meta-data/local-ipv4") == "10.66.0.10"
        assert "meta_data.json" in (ask(web, "http://169.254.169.254/openstack/latest/") or "")
        assert ask(web, "http://169.254.169.254/openstack/latest/user_data") is None
        assert ask(web, "http://169.254.169.254/../../etc/passwd") is None

        assert ask(web, PASSWORD) == ""
        assert [send(web, PASSWORD, text) for text in ("sealed", "again")] == ["204", "409"]
        assert [send(db, PASSWORD, text) for text in ("", "x" * 1021, "sealed too")] == ["400", "400", "204"]
        assert send(web, META, "sealed") == "404"
        assert "429" in [send(web, PASSWORD, "again") for _ in range(8)], "no guest keeps the control plane busy"
        assert posted == {"server-1": "sealed", "server-2": "sealed too"}

        inside(db, "ip", "address", "add", "10.66.0.10/24", "dev", "card")
        inside(db, "ip", "route", "replace", "169.254.169.254", "via", "10.66.0.1", "src", "10.66.0.10")
        assert ask(db, META) is None, "a card without port security is not heard from another's address"
        assert name(web) == "server-1"

        one = replace(document(), servers=document().servers[:1])
        networks.converge(one)
        assert ask(far, META) is None, "a server that is gone is told nothing"
        run("ip", "address", "add", "10.66.0.77/24", "dev", NETWORK.own_bridge)
        assert ask_here("10.66.0.77") is None, "the host itself is no guest"
        networks.converge(Desired("host", 1))
        assert ask(web, META) is None
    networks.close()
    print("all is well")


def document() -> Desired:
    found = desired_of((WEB, DB, FAR), networks=(NETWORK, OTHER))
    return replace(
        found,
        servers=tuple(
            replace(each, config_drive=ConfigDrive(json.dumps({"name": each.id}), "{}")) for each in found.servers
        ),
    )


@contextmanager
def guest(nic: Nic, network: HostNetwork) -> Iterator[int]:
    """A namespace with one card, as a guest has it; answers the process that holds it."""
    with subprocess.Popen(["unshare", "--net", "sleep", "300"]) as process:
        try:
            wait_for(lambda: Path(f"/proc/{process.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink())
            ip(f"link add {nic.tap} type veth peer name card netns {process.pid}")
            ip(f"link set {nic.tap} master {network.own_bridge} up")
            inside(process.pid, "ip", "link", "set", "card", "address", nic.mac, "up")
            inside(process.pid, "ip", "address", "add", f"{nic.address}/24", "dev", "card")
            inside(process.pid, "ip", "route", "add", "default", "via", nic.gateway)
            yield process.pid
        finally:
            process.kill()


def inside(pid: int, *argv: str) -> str:
    return run("nsenter", "-t", str(pid), "-n", *argv)


def name(pid: int) -> str:
    said = ask(pid, META)
    return str(json.loads(said)["name"]) if said else ""


def ask(pid: int, url: str) -> str | None:
    return _fetch("nsenter", "-t", str(pid), "-n", *FETCH, url)


def send(pid: int, url: str, text: str) -> str:
    return inside(pid, *SEND, url, text).strip()


def ask_here(source: str) -> str | None:
    return _fetch(*FETCH, META, source)


def _fetch(*argv: str) -> str | None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
    expected = ("TimeoutError", "RefusedError", "OSError", "Error: HTTP")
    assert not done.returncode or any(word in done.stderr for word in expected), done.stderr
    return done.stdout if done.returncode == 0 else None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
