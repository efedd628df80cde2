"""A cloud whose hosts are chassis of one OVN, and two projects on it that have networks with the same addresses."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.live.inside.cloud import LiveCloud, until
from tests.networking.ovn import Central, kill, start_database
from tests.overlay.inside import asking
from tests.overlay.inside.chassis import HostChassis, underlay
from tests.overlay.inside.shell import Shell, SocketLine

FLAVOR = {"name": "tiny", "ram": 128, "vcpus": 1, "disk": 1, "id": "tiny"}


class OverlayCloud(LiveCloud):
    """Hosts `h1` and `h2` are chassis; `h3` has neither Open vSwitch nor OVN."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.central: Central = underlay(folder / "ovn")
        self.config.write_text(f"{self.config.read_text()}\n[ovn]\novn_nb_connection = unix:{self.central.north}\n")
        self.chassis: dict[str, HostChassis] = {}

    def up(self, image: Path, without: Sequence[str] = ("h3",)) -> None:
        """Starts all of it, with the guests' image and flavor; the hosts `without` are no chassis."""
        self.start_control()
        self.token()
        for name in ("h1", "h2", *without):
            self.add_host(name)
        for name in ("h1", "h2"):
            self.chassis[name] = HostChassis(self, name, self.central)
            self.chassis[name].start()
        for name in self.numbers:
            self.start_agent(name, "", "--live-listen", f"{self.address(name)}:16514", *self.agent_words(name))
        for name in self.numbers:
            self.wait_for_host(name)
        made = self.call(
            "POST", "/image/v2/images", {"name": "lab", "disk_format": "qcow2", "container_format": "bare"}
        )
        self.upload(made["id"], image.read_bytes())
        self.image = made["id"]
        self.call("POST", "/compute/v2.1/flavors", {"flavor": FLAVOR})

    def agent_words(self, _name: str) -> tuple[str, ...]:
        """What else a host's agent is started with."""
        return ()

    def project(self, name: str) -> Project:
        """A new project, with a member of its own and one who may also choose hosts."""
        asked = {"project": {"name": name, "domain_id": "default"}}
        project = self.call("POST", "/identity/v3/projects", asked)["project"]["id"]
        return Project(
            self, project, *(self._login_of(f"{name}-{role}", role, project) for role in ("member", "admin"))
        )

    def _login_of(self, name: str, role: str, project: str) -> str:
        known = {"name": name, "password": "a good Password 1", "domain_id": "default"}
        user = self.call("POST", "/identity/v3/users", {"user": known})["user"]["id"]
        [found] = self.call("GET", f"/identity/v3/roles?name={role}")["roles"]
        self.call("PUT", f"/identity/v3/projects/{project}/users/{user}/roles/{found['id']}")
        password = {"user": {"id": user, "password": known["password"]}}
        identity = {"methods": ["password"], "password": password}
        body = {"auth": {"identity": identity, "scope": {"project": {"id": project}}}}
        answer = self.http.post("/identity/v3/auth/tokens", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.headers["x-subject-token"])

    def kill_north(self) -> None:
        """The northbound database dies."""
        kill(self.central.folder, "nb")

    def start_north(self) -> None:
        start_database(self.central.folder, "nb")

    def north(self, table: str, column: str, *conditions: str) -> list[str]:
        """What the northbound database says."""
        argv = ("--bare", f"--columns={column}", "find", table, *conditions)
        return [line for line in self.central.nbctl(*argv).splitlines() if line]

    def requested(self, port: str) -> str:
        """The chassis where OVN may bind a port."""
        [words] = self.north("Logical_Switch_Port", "options", f"name={port}") or [""]
        return words.removeprefix("requested-chassis=")

    def lacks(self, host: str) -> str:
        """What a host has reported that it lacks to be a chassis."""
        [found] = [each for each in self.hosts() if each["name"] == host]
        return str(found["resources"]["chassis"]["lacks"])

    def bound(self, port: str) -> str:
        """The host whose chassis has a port, "" for none."""
        found = self.central.sbctl(
            "--bare", "--columns=chassis", "find", "Port_Binding", f"logical_port={port}"
        ).split()
        if not found:
            return ""
        return (
            self.central.sbctl("--bare", "--columns=name", "list", "Chassis", found[0]).strip().removeprefix("chassis-")
        )


@dataclass
class Project:
    """What a member of a project does; `operator` is the token of one who may choose the hosts of its servers."""

    cloud: OverlayCloud
    id: str
    member: str
    operator: str
    network: str = ""
    subnet: str = ""

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        headers = {"X-Auth-Token": token or self.member, "OpenStack-API-Version": "compute 2.100"}
        answer = self.cloud.http.request(method, path, json=body, headers=headers)
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def make_network(self) -> None:
        """A network of type geneve with the addresses that everybody's has here."""
        asked = {"name": "cluster", "provider:network_type": "geneve"}
        self.network = self.call("POST", "/network/v2.0/networks", {"network": asked})["network"]["id"]
        subnet = {"network_id": self.network, "ip_version": 4, "cidr": "10.0.0.0/24", "name": "cluster"}
        self.subnet = self.call("POST", "/network/v2.0/subnets", {"subnet": subnet})["subnet"]["id"]

    def boot(self, name: str, host: str, address: str) -> Guest:
        """A server on a host, for whose boot nobody waits; "" is any host."""
        fixed = [{"subnet_id": self.subnet, "ip_address": address}]
        asked = {"port": {"network_id": self.network, "fixed_ips": fixed}}
        port = self.call("POST", "/network/v2.0/ports", asked)["port"]
        server = {"name": name, "imageRef": self.cloud.image, "flavorRef": "tiny", "networks": [{"port": port["id"]}]}
        if host:
            server["availability_zone"] = f"nova:{host}"
        made = self.call("POST", "/compute/v2.1/servers", {"server": server}, self.operator)["server"]["id"]
        return Guest(self.cloud, name, made, port["id"], address, port["mac_address"])


@dataclass
class Guest:
    """A server, its port, and what is done within it."""

    cloud: OverlayCloud
    name: str
    id: str
    port: str
    address: str
    mac: str
    told: dict[str, str] = field(default_factory=dict)
    _shell: Shell | None = None

    @property
    def host(self) -> str:
        return str(self.cloud.server(self.id)["OS-EXT-SRV-ATTR:host"])

    def status(self) -> str:
        return str(self.cloud.server(self.id)["status"])

    def wait(self) -> None:
        """Until its system has come up."""
        until(f"running {self.name}", lambda: self.status() in ("ACTIVE", "ERROR"))
        assert self.status() == "ACTIVE", self.cloud.server(self.id).get("fault")
        log = self._folder / "console.log"
        until(f"end of the boot of {self.name}", lambda: "busway-guest ready" in log.read_text(errors="replace"), 300)

    @property
    def _folder(self) -> Path:
        return self.cloud.folder_of(self.host) / "state/servers" / self.id

    @property
    def shell(self) -> Shell:
        if self._shell is None:
            self._shell = Shell(SocketLine(self._folder / "serial.sock"))
        return self._shell

    def leave_shell(self) -> None:
        """Its socket goes when the guest does."""
        if self._shell is not None:
            self._shell.close()
            self._shell = None

    def prepare(self) -> None:
        """Loads the card's driver anew, without the checksums that it leaves to its host: no kernel is on the way that computes them.

        Open vSwitch in user space passes packets on as they are. What the boot took from the configuration drive is gone too.
        """
        self.shell.run(
            "ip link set eth0 down; modprobe -r virtio_net; modprobe virtio_net csum=0; sleep 1; ip link set eth0 up"
        )

    def lease(self) -> bool:
        """Asks DHCP for the card's address."""
        self.told = asking.lease(self.shell)
        return "ip" in self.told

    def hears_ssh(self, other: Guest) -> bool:
        """True when the other's ssh server says its name."""
        return asking.hears_ssh(self.shell, other.address)

    def reaches(self, address: str) -> bool:
        return self.shell.pings(address)


def seconds_until(what: str, is_so: Callable[[], bool], seconds: float = 120) -> float:
    """How long it took."""
    began = time.monotonic()
    until(what, is_so, seconds)
    return time.monotonic() - began
