"""OVN on the hosts of a cloud in namespaces: each has an Open vSwitch and an ovn-controller at their usual places."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.live.inside.cloud import LiveCloud
from tests.networking.ovn import Central, ip, kill, wait_for

SWITCH = "unix:/run/openvswitch/db.sock"  # where libvirt's ovs-vsctl looks; each host has a /run of its own
_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


class HostChassis:
    """A host as a chassis: its tunnels go over a card of their own, through the userspace datapath."""

    def __init__(self, cloud: LiveCloud, name: str, central: Central) -> None:
        self.name, self._cloud, self._central = name, cloud, central
        self._folder = cloud.folder / f"ovs-{name}"
        self._folder.mkdir()
        number = cloud.numbers[name]
        self.address = f"192.0.2.{number}"
        pid = cloud.processes[f"host {name}"].pid
        ip(f"link add to-{name} type veth peer name phy-{name}")
        ip(f"link set to-{name} master underlay up")
        ip(f"link set phy-{name} netns {pid}")
        self.do("ip", "link", "set", f"phy-{name}", "name", "phy", "up")

    def start(self) -> None:
        """Makes the host a chassis."""
        folder = self._folder
        self.do("mkdir", "-p", "/run/openvswitch", "/run/ovn")
        if not (folder / "conf.db").exists():
            subprocess.run(["ovsdb-tool", "create", str(folder / "conf.db"), _SCHEMA], check=True)
        self._daemon(
            "conf", "ovsdb-server", f"--remote=p{SWITCH}", f"--unixctl={folder}/conf.ctl", str(folder / "conf.db")
        )
        self.vsctl("--no-wait", "init")
        self._daemon(
            "vswitchd", "ovs-vswitchd", "--disable-system", "--unixctl=/run/openvswitch/ovs-vswitchd.7.ctl", SWITCH
        )
        self.vsctl(
            "add-br", "phys", "--", "set", "bridge", "phys", "datapath_type=netdev", "--", "add-port", "phys", "phy"
        )
        self.do("ip", "address", "add", f"{self.address}/24", "dev", "phys")
        self.do("ip", "link", "set", "phys", "up")
        ids = {
            "system-id": f"chassis-{self.name}", "ovn-remote": f"unix:{self._central.south}", "ovn-encap-type": "geneve",
            "ovn-encap-ip": self.address, "ovn-bridge-datapath-type": "netdev",
        }  # fmt: skip
        self.vsctl("set", "Open_vSwitch", ".", *(f"external_ids:{key}={value}" for key, value in ids.items()))
        self.start_controller()
        wait_for(lambda: "br-int" in self.vsctl("list-br").split())

    def start_controller(self) -> None:
        self._daemon("controller", "ovn-controller", SWITCH, OVN_RUNDIR="/run/ovn")

    def kill_controller(self) -> None:
        kill(self._folder, "controller")

    def kill_switch(self) -> None:
        kill(self._folder, "vswitchd")

    def provide(self, physical: str) -> None:
        """Gives the host a bridge on a physical network, which is a bridge with its name beside the host."""
        ip(f"link add ext-{self.name} type veth peer name far-{self.name}")
        ip(f"link set ext-{self.name} master {physical} up")
        ip(f"link set far-{self.name} netns {self._cloud.processes[f'host {self.name}'].pid}")
        self.do("ip", "link", "set", f"far-{self.name}", "name", "ext", "up")
        bridge = ("add-br", "br-ex", "--", "set", "bridge", "br-ex", "datapath_type=netdev")
        self.vsctl(*bridge, "--", "add-port", "br-ex", "ext")
        self.vsctl("set", "Open_vSwitch", ".", f"external_ids:ovn-bridge-mappings={physical}:br-ex")

    def vsctl(self, *argv: str) -> str:
        return self.do("ovs-vsctl", f"--db={SWITCH}", "--timeout=20", *argv)

    def tunnelled(self) -> int:
        """How many frames went out through Geneve's tunnels."""
        told = self.vsctl("--bare", "--columns=statistics", "find", "interface", "type=geneve")
        return sum(int(word.partition("=")[2]) for word in told.split() if word.startswith("tx_packets="))

    def do(self, *argv: str) -> str:
        done = self._cloud.inside(self.name, *argv)
        assert done.returncode == 0, (argv, done.stdout, done.stderr)
        return done.stdout

    def log(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in sorted(self._folder.glob("*.log")))

    def _daemon(self, name: str, program: str, *argv: str, **environment: str) -> None:
        folder = self._folder
        kept = ("--detach", "--no-chdir", f"--pidfile={folder / name}.pid", f"--log-file={folder / name}.log")
        enter = ("nsenter", "-t", str(self._cloud.processes[f"host {self.name}"].pid), "-m", "-n")
        own = {f"{word}_{kind}": str(folder) for word in ("OVS", "OVN") for kind in ("RUNDIR", "LOGDIR", "DBDIR")}
        done = subprocess.run(
            (*enter, program, *kept, *argv),
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ | own | environment,
        )
        assert done.returncode == 0, (program, done.stdout, done.stderr)


def underlay(folder: Path) -> Central:
    """The network between hosts, and OVN's databases with northd."""
    ip("link add underlay type bridge")
    ip("link set underlay up")
    return Central(folder)
