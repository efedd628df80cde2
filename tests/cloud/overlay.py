"""A cloud with two lab hosts that are chassis of one OVN, by the scripts of Debian's packages and their kernels' own datapath."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.sync.client import connect
from websockets.typing import Subprotocol

from busway.bootstrap.demo import find_clients
from busway.bootstrap.lab_cloud import CONFIG, OUTSIDE, LabCloud
from busway.lab import Lab, LabHost, PlainReport
from tests.cloud.neighbours import Tenant
from tests.networking.ovn import Central, kill, run
from tests.overlay.inside.shell import Shell

SWITCH, CONTROLLER = "/usr/share/openvswitch/scripts/ovs-ctl", "/usr/share/ovn/scripts/ovn-ctl"
RANGE = "10.0.0.0/24"
BOOT_SECONDS = 900  # an emulated machine within an emulated machine, beside another one on its host
_PASSWORD = "a tenant's password"
# An agent of a busy host may be silent for a minute; a host that is dead is known as such no sooner.
_LEASE_SECONDS = 240
# The bridge on the physical network is wired to that of the host's first card, as a second card of a real host would be.
_PHYSICAL = (
    "ip link add ext type veth peer name br0-ext",
    "ip link set br0-ext master br0 up",
    "ip link set ext up",
    "ovs-vsctl --may-exist add-br br-ex -- --may-exist add-port br-ex ext",
    "ovs-vsctl set open . external-ids:ovn-bridge-mappings=outside:br-ex",
)


class OverlayLab:
    """OVN's databases and the control plane on this machine, and two lab hosts with an agent, Open vSwitch and ovn-controller."""

    def __init__(self, folder: Path) -> None:
        self.lab = Lab(folder / "lab")
        self.central = Central(folder / "ovn")
        north = f"[ovn]\novn_nb_connection = unix:{self.central.north}\n"
        self.cloud = LabCloud(folder / "cloud", self.lab, f"{CONFIG}lease_seconds = {_LEASE_SECONDS}\n\n{north}")
        self.hosts: list[LabHost] = []
        self._tenants: list[Tenant] = []

    def up(self, image: Path) -> None:
        """Starts all of it, with a public image of guests."""
        self.hosts = self.lab.up(gpus=1, hosts=2, memory_mib=2048, linked=True, report=PlainReport(sys.stderr))
        self.cloud.start_control()
        port = self._open_southbound()
        for host in self.hosts:
            make_chassis(host, port)
            self.cloud.start_agent(host)
        self.wait_for("agents that report", lambda: self.up_hosts() == {host.name for host in self.hosts}, BOOT_SECONDS)
        upload = ("image", "create", "lab", "--disk-format", "qcow2", "--container-format", "bare", "--public")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        subprocess.run(
            [str(find_clients() / "openstack"), *upload, "--file", str(image)],
            env=environment | self.cloud.client_environment(), check=True, capture_output=True, timeout=300,
        )  # fmt: skip

    def down(self) -> None:
        """Ends all of it; with BUSWAY_SHOW_LOGS its logs are shown."""
        with ExitStack() as ended:
            for name in ("northd", "nb", "sb"):
                ended.callback(kill, self.central.folder, name)
            ended.callback(self.lab.down)
            ended.callback(self.cloud.kill_control, signal.SIGTERM)
            for tenant in self._tenants:
                ended.callback(tenant.close)
            for host in self.hosts if os.environ.get("BUSWAY_SHOW_LOGS") else ():
                print(self.cloud.agent_log(host), chassis_log(host), sep="\n", file=sys.stderr)

    @cached_property
    def admin(self) -> Tenant:
        known = self.cloud.client_environment()
        return self._log_in(known["OS_USERNAME"], known["OS_PASSWORD"], known["OS_PROJECT_NAME"])

    def tenant(self, name: str) -> Tenant:
        """The only member of a new project."""
        ask = self.admin.ask
        project = ask("POST", "/identity/v3/projects", {"project": {"name": name}})["project"]["id"]
        user = ask("POST", "/identity/v3/users", {"user": {"name": name, "password": _PASSWORD}})["user"]["id"]
        [role] = ask("GET", "/identity/v3/roles?name=member")["roles"]
        ask("PUT", f"/identity/v3/projects/{project}/users/{user}/roles/{role['id']}")
        return self._log_in(name, _PASSWORD, name)

    def up_hosts(self) -> set[object]:
        """The names of the hosts that report."""
        return {each["name"] for each in self.cloud.busway_json("host", "list") if each["up"]}

    def gateway(self) -> str:
        """The name of the host that has the gateway of the only router, "" for none."""
        found = self.central.sbctl(
            "--bare", "--columns=chassis", "find", "Port_Binding", "type=chassisredirect"
        ).split()
        return self.central.sbctl("--bare", "--columns=name", "list", "Chassis", found[0]).strip() if found else ""

    def wait_for(self, what: str, is_so: Callable[[], object], seconds: float = 240) -> float:
        """Waits until something is so and answers how long it took; a lab host that died or hangs ends it."""
        began = time.monotonic()
        while not is_so():
            for host in self.hosts:
                host.check()
            assert time.monotonic() < began + seconds, f"no {what} within {seconds} s"
            time.sleep(0.5)
        return time.monotonic() - began

    def _open_southbound(self) -> int:
        """Lets the hosts reach the southbound database, at this port of what they call the outside."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        control = str(self.central.folder / "sb.ctl")
        run("ovs-appctl", "-t", control, "ovsdb-server/add-remote", f"ptcp:{port}:127.0.0.1")
        return port

    def _log_in(self, user: str, password: str, project: str) -> Tenant:
        made = Tenant(self.cloud.url, user, password, project)
        self._tenants.append(made)
        return made


def make_chassis(host: LabHost, southbound: int) -> None:
    """Does what docs/how-to/networks.md asks for, with tunnels over the wire to the other host, and a way outside."""
    host.exec(["rm", "-f", "/var/lib/openvswitch/conf.db"]).text()  # one of the outer machine
    host.exec([SWITCH, "start", f"--system-id={host.name}"], timeout=300).text()
    ids = {
        "ovn-remote": f"tcp:{OUTSIDE}:{southbound}", "ovn-encap-type": "geneve",
        "ovn-encap-ip": host.machine.link_address,
    }  # fmt: skip
    words = [f"external-ids:{key}={value}" for key, value in ids.items()]
    host.exec(["ovs-vsctl", "set", "open", ".", *words]).text()
    for line in _PHYSICAL:
        host.exec(line.split()).text()
    host.exec([CONTROLLER, "start_controller"], timeout=300).text()
    host.exec(["sh", "-c", "until ovs-vsctl br-exists br-int; do sleep 0.2; done"], timeout=300).text()


def chassis_log(host: LabHost) -> str:
    script = "tail -n 30 /var/log/openvswitch/ovs-vswitchd.log /var/log/ovn/ovn-controller.log"
    return host.exec(["sh", "-c", script]).stdout.decode(errors="replace")


def tunnelled(host: LabHost) -> int:
    """Frames that the host's kernel has sent through its Geneve device."""
    return int(host.read("/sys/class/net/genev_sys_6081/statistics/tx_packets"))


def hears_ssh_from_here(host: LabHost, address: str) -> bool:
    """True when an ssh server at an address of the host's outer network says its name to this machine."""
    port = host.forward(address, 22)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as asked:
            asked.settimeout(10)
            return asked.recv(8) == b"SSH-2.0-"
    except OSError:
        return False


class ConsoleLine:
    """A guest's serial port by the console that its owner opens: through the control plane and the agent of its host."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        [path] = parse_qs(parts.query)["path"]
        binary = [Subprotocol("binary")]
        # A busy host may take long to answer a ping.
        self._socket = connect(
            f"ws://{parts.netloc}/{path}", subprotocols=binary, proxy=None, open_timeout=120, ping_interval=None
        )

    def send(self, data: bytes) -> None:
        self._socket.send(data)

    def receive(self) -> bytes:
        data = self._socket.recv(0.5)
        assert isinstance(data, bytes)
        return data

    def close(self) -> None:
        self._socket.close()


@dataclass
class Project:
    """A project with a network of its own; all have the same addresses."""

    tenant: Tenant
    network: str = ""
    subnet: str = ""

    def make_network(self) -> None:
        asked = {"name": "cluster", "provider:network_type": "geneve"}
        self.network = self.tenant.ask("POST", "/network/v2.0/networks", {"network": asked})["network"]["id"]
        subnet = {"network_id": self.network, "ip_version": 4, "cidr": RANGE}
        self.subnet = self.tenant.ask("POST", "/network/v2.0/subnets", {"subnet": subnet})["subnet"]["id"]

    def boot(self, name: str, flavor: str, address: str, host: str = "") -> Guest:
        """A server for whose boot nobody waits; only an admin may name the host."""
        fixed = [{"subnet_id": self.subnet, "ip_address": address}]
        asked = {"network_id": self.network, "fixed_ips": fixed}
        port = self.tenant.ask("POST", "/network/v2.0/ports", {"port": asked})["port"]
        [image] = self.tenant.ask("GET", "/image/v2/images?name=lab")["images"]
        server: dict[str, Any] = {"name": name, "imageRef": image["id"], "flavorRef": flavor}
        server |= {"networks": [{"port": port["id"]}]} | ({"availability_zone": f"nova:{host}"} if host else {})
        made = self.tenant.ask("POST", "/compute/v2.1/servers", {"server": server})["server"]["id"]
        return Guest(self.tenant, name, made, port["id"], address, port["mac_address"])

    def let_in(self, protocol: str, port: int, source: str) -> str:
        """Lets a port into the cards of the default group, from some addresses, and answers the path of the rule."""
        groups = f"/network/v2.0/security-groups?name=default&project_id={self.tenant.project_id}"
        [default] = self.tenant.ask("GET", groups)["security_groups"]
        rule = {"security_group_id": default["id"], "direction": "ingress", "remote_ip_prefix": source}
        rule |= {"protocol": protocol, "port_range_min": port, "port_range_max": port}
        made = self.tenant.ask("POST", "/network/v2.0/security-group-rules", {"security_group_rule": rule})
        return f"/network/v2.0/security-group-rules/{made['security_group_rule']['id']}"


@dataclass
class Guest:
    """A server of a tenant, and its shell."""

    tenant: Tenant
    name: str
    id: str
    port: str
    address: str
    mac: str
    told: dict[str, str] = field(default_factory=dict)

    def wait(self, lab: OverlayLab) -> None:
        """Until its system has come up."""
        lab.wait_for(f"running {self.name}", lambda: self.tenant.status(self.id) in ("ACTIVE", "ERROR"), BOOT_SECONDS)
        shown = self.tenant.ask("GET", f"/compute/v2.1/servers/{self.id}")["server"]
        assert shown["status"] == "ACTIVE", shown.get("fault")
        lab.wait_for(f"end of the boot of {self.name}", lambda: self.tenant.ready(self.id), BOOT_SECONDS)

    @cached_property
    def shell(self) -> Shell:
        asked = {"os-getSerialConsole": {"type": "serial"}}
        found = self.tenant.ask("POST", f"/compute/v2.1/servers/{self.id}/action", asked)
        return Shell(ConsoleLine(found["console"]["url"]))
