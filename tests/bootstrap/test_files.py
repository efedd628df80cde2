"""Every file that control plane and agent keep, with its mode, over a real state folder: the page is the list."""

from __future__ import annotations

import re
import shutil
import ssl
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from busway.agent.agent import Agent
from busway.agent.blank_disk import make_blank
from busway.agent.credential import read_credential
from busway.agent.link import HttpLink
from busway.agent.qemu_img import flatten, make_overlay
from busway.agent.state import StateFolder
from busway.agent.timing import Timing
from busway.agent.tools import DiskMakers
from busway.bootstrap import up
from busway.bootstrap.config import read_config
from busway.bootstrap.serve import Served, served
from busway.hypervisor.guest import GuestOptions
from busway.testing.hypervisor import FakeHypervisor
from busway.testing.kernel import FakeKernel
from busway.testing.machines import gpu_host
from busway.testing.networks import FakeNetworks

PAGE = Path(__file__).parents[2] / "docs/reference/files.md"
CONFIG = """\
[pci]
alias = {"vendor_id": "10de", "product_id": "20b5", "name": "a1"}
device_spec = {"vendor_id": "10de", "product_id": "20b5"}
"""
_OF_LIBVIRT = "agent/servers/ID/console.log"
_OF_A_FABRIC = "agent/fabric.json"  # on hosts with a fabric manager, which this one has not
_NAMES = (
    (r"[0-9a-f]{64}", "SHA256"),
    (r"[0-9a-f]{32}\.[0-9a-f-]{36}\.[0-9a-f-]{36}", "UPLOAD"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,27}", "ID"),
    (r"[0-9a-f]{32}(?=\.json)", "ID"),
    (r"0000:[0-9a-f:.]{7}\b", "DEVICE"),
    (r"\.fetching-.*", ".fetching-*"),
    (r"busway\.db-loop\.[a-z-]+\.lock", "busway.db-loop.NAME.lock"),
)

pytestmark = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="needs qemu-img")


@dataclass
class Seen:
    """The files of a state folder at any moment, with placeholders in their names, and their modes."""

    state: Path
    modes: dict[str, set[str]] = field(default_factory=dict)

    def look(self, *_: object) -> None:
        for path in (self.state, *self.state.rglob("*")):
            try:
                mode = stat.S_IMODE(path.lstat().st_mode)
            except FileNotFoundError:  # it was there for a moment only
                continue
            name = str(path.relative_to(self.state)) + ("/" if path.is_dir() else "")
            for pattern, word in _NAMES:
                name = re.sub(pattern, word, name)
            self.modes.setdefault(name.removeprefix("./") or "./", set()).add(f"{mode:04o}")


@contextmanager
def agent(cloud: Served, state: Path, seen: Seen) -> Iterator[Agent]:
    """The agent of `busway up` on an invented machine, with real disks."""

    def watched(make: Callable[..., None]) -> Callable[..., None]:
        def made(*words: Any) -> None:
            make(*words)
            seen.look()

        return made

    credential = read_credential(up._credential(cloud, state / "agent"))
    folder = StateFolder(state / "agent")
    folder.lock()
    root = state.parent / "machine"
    gpu_host(root, 1)
    with closing(
        Agent(
            credential.host,
            link=HttpLink(credential),
            hypervisor=FakeHypervisor(root),
            kernel=FakeKernel(root),
            state=folder,
            networks=FakeNetworks(),
            options=GuestOptions(),
            timing=Timing(interval=0.05),
            disks=DiskMakers(watched(make_overlay), watched(flatten), watched(make_blank)),
            crashpoint=seen.look,
        )
    ) as made:
        yield made


@dataclass
class Client:
    """An admin over HTTPS."""

    http: httpx.Client

    def ask(self, method: str, path: str, **body: Any) -> Any:
        answer = self.http.request(method, path, **body)
        assert answer.is_success, (path, answer.text)
        return answer.json() if answer.content else None

    def server(self, identity: str) -> Any:
        return self.ask("GET", f"/compute/v2.1/servers/{identity}")["server"]


@contextmanager
def client(cloud: Served) -> Iterator[Client]:
    auth = yaml.safe_load(cloud.clouds.read_text())["clouds"]["busway"]["auth"]
    domain = {"id": "default"}
    who = {"user": {"name": "admin", "domain": domain, "password": auth["password"]}}
    body = {"auth": {"identity": {"methods": ["password"], "password": who}, "scope": {"project": {"name": "admin", "domain": domain}}}}  # fmt: skip
    trust = ssl.create_default_context(cadata=cloud.control.ca)
    with httpx.Client(base_url=cloud.here, verify=trust, timeout=30) as http:
        http.headers["X-Auth-Token"] = http.post("/identity/v3/auth/tokens", json=body).headers["X-Subject-Token"]
        yield Client(http)


def live(user: Client, disk: Path, seen: Seen, until: Callable[[Callable[[], bool]], None]) -> None:
    """A server with a GPU: an image comes, the server boots, its disk is handed in, and it goes."""
    made = {"name": "tiny", "disk_format": "qcow2", "container_format": "bare"}
    image = user.ask("POST", "/image/v2/images", json=made)["id"]

    def pieces() -> Iterator[bytes]:
        data = disk.read_bytes()
        yield data[:50]
        deadline = time.monotonic() + 20
        while not list(seen.state.glob("images/tmp/*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        seen.look()
        yield data[50:]

    user.ask(
        "PUT", f"/image/v2/images/{image}/file", content=pieces(), headers={"Content-Type": "application/octet-stream"}
    )
    flavor = {"name": "gpu", "ram": 128, "vcpus": 1, "disk": 1, "OS-FLV-EXT-DATA:ephemeral": 1, "swap": 64}
    flavor_id = user.ask("POST", "/compute/v2.1/flavors", json={"flavor": flavor})["flavor"]["id"]
    extra = {"extra_specs": {"pci_passthrough:alias": "a1:1"}}
    user.ask("POST", f"/compute/v2.1/flavors/{flavor_id}/os-extra_specs", json=extra)
    wish = {"name": "s", "flavorRef": flavor_id, "imageRef": image}
    server = user.ask("POST", "/compute/v2.1/servers", json={"server": wish})["server"]["id"]
    until(lambda: user.server(server)["status"] == "ACTIVE")
    user.ask("POST", f"/compute/v2.1/servers/{server}/action", json={"os-stop": None})
    until(lambda: user.server(server)["status"] == "SHUTOFF")
    user.ask("POST", f"/compute/v2.1/servers/{server}/action", json={"createImage": {"name": "copy"}})
    until(lambda: "active" in {each["status"] for each in user.ask("GET", "/image/v2/images?name=copy")["images"]})
    [admin] = user.ask("GET", "/identity/v3/users?name=admin")["users"]
    kept = {"type": "cert", "blob": "a secret", "user_id": admin["id"]}
    user.ask("POST", "/identity/v3/credentials", json={"credential": kept})
    user.ask("DELETE", f"/compute/v2.1/servers/{server}")
    until(lambda: not user.ask("GET", "/compute/v2.1/servers")["servers"])


def listed() -> dict[str, str]:
    rows = re.findall(r"(?m)^\| `STATE/([^`]*)` \| ([0-7]{4}) \|", PAGE.read_text())
    return {name or "./": mode for name, mode in rows}


@pytest.mark.thorough
@pytest.mark.timeout(120)
def test_every_file_of_a_state_folder_is_on_the_page_with_its_mode(tmp_path: Path) -> None:
    state, config = tmp_path / "state", tmp_path / "busway.conf"
    config.write_text(CONFIG)
    disk = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(disk), "1M"], check=True)
    seen = Seen(state)
    (state / "agent").mkdir(mode=0o711, parents=True)
    told = read_config(config, state_path=state, port=0, plain_http=False)
    with served(told) as cloud, client(cloud) as user, agent(cloud, state, seen) as one:
        pause = threading.Event()

        def until(done: Callable[[], bool]) -> None:
            for _ in range(400):
                one.round()
                seen.look()
                if done():
                    return
                pause.wait(0.05)
            pytest.fail(f"it did not come so far: {user.ask('GET', '/compute/v2.1/servers/detail')}")

        one.round()  # the host reports what it has
        live(user, disk, seen, until)

    found = {name: " ".join(sorted(modes)) for name, modes in sorted(seen.modes.items()) if name != _OF_LIBVIRT}
    assert found == {name: mode for name, mode in sorted(listed().items()) if name != _OF_A_FABRIC}
