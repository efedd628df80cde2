"""A whole OVN within one network namespace: its databases, northd, and hosts in namespaces of their own.

Each host has an Open vSwitch with the userspace datapath, so no kernel module is needed, and an ovn-controller; Geneve goes
over a bridge between them. Guests are namespaces with one card, which is plugged in as libvirt does it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PROGRAMS = ("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovn-northd", "ovn-controller", "ovn-nbctl")
_SCHEMAS = {
    "nb": "/usr/share/ovn/ovn-nb.ovsschema",
    "sb": "/usr/share/ovn/ovn-sb.ovsschema",
    "conf": "/usr/share/openvswitch/vswitch.ovsschema",
}


def has_ovn() -> bool:
    """True where Debian's ovn-central, ovn-host and openvswitch-switch are installed."""
    return all(map(shutil.which, PROGRAMS))


def start_database(folder: Path, name: str) -> Path:
    """Starts a database server and answers its socket; a second start finds what the first one kept."""
    data, socket = folder / f"{name}.db", folder / f"{name}.sock"
    if not data.exists():
        run("ovsdb-tool", "create", str(data), _SCHEMAS[name])
    daemon(folder, name, "ovsdb-server", f"--remote=punix:{socket}", f"--unixctl={folder / name}.ctl", str(data))
    return socket


def daemon(folder: Path, name: str, program: str, *argv: str, inside: tuple[str, ...] = ()) -> None:
    """Starts a daemon of OVS or OVN; it answers when this returns."""
    kept = ("--detach", "--no-chdir", f"--pidfile={folder / name}.pid", f"--log-file={folder / name}.log")
    run(*inside, program, *kept, *argv, folder=folder)


def kill(folder: Path, name: str) -> None:
    """Kills a daemon, as `kill -9` does, and waits for its end."""
    path = folder / f"{name}.pid"
    pid = int(path.read_text())
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes())
    path.unlink()


class Central:
    """The databases and northd."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.north, self.south = (start_database(folder, name) for name in ("nb", "sb"))
        daemon(
            folder, "northd", "ovn-northd", f"--ovnnb-db=unix:{self.north}", f"--ovnsb-db=unix:{self.south}",
            f"--unixctl={folder}/northd.ctl",
        )  # fmt: skip

    def nbctl(self, *argv: str) -> str:
        """What ovn-nbctl answers."""
        return run("ovn-nbctl", f"--db=unix:{self.north}", "--timeout=20", *argv)

    def sbctl(self, *argv: str) -> str:
        """What ovn-sbctl answers."""
        return run("ovn-sbctl", f"--db=unix:{self.south}", "--timeout=20", *argv)

    def settle(self) -> None:
        """Waits until all hosts have all that the northbound database says."""
        self.nbctl("--wait=hv", "sync")


class Chassis:
    """One host: a namespace with Open vSwitch and ovn-controller."""

    def __init__(self, central: Central, number: int) -> None:
        self.name = f"host{number}"
        self._folder = folder = central.folder / self.name
        folder.mkdir()
        address = f"192.0.2.{number}"
        ip(f"netns add {self.name}")
        ip(f"link add to-{self.name} type veth peer name phy netns {self.name}")
        ip(f"link set to-{self.name} master underlay up")
        self.inside("ip", "link", "set", "lo", "up")
        # The kernel would answer ARP for the bridge's address on the card below it too, with the card's MAC.
        self.inside("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore")
        self.inside("ip", "link", "set", "phy", "up")
        self.database = f"unix:{start_database(folder, 'conf')}"
        self._vsctl("--no-wait", "init")
        netns = ("ip", "netns", "exec", self.name)
        daemon(
            folder, "vswitchd", "ovs-vswitchd", "--disable-system", f"--unixctl={folder}/vswitchd.ctl", self.database,
            inside=netns,
        )  # fmt: skip
        self._vsctl(
            "add-br", "phys", "--", "set", "bridge", "phys", "datapath_type=netdev", "--", "add-port", "phys", "phy"
        )
        self.inside("ip", "address", "add", f"{address}/24", "dev", "phys")
        self.inside("ip", "link", "set", "phys", "up")
        ids = {
            "system-id": self.name, "ovn-remote": f"unix:{central.south}", "ovn-encap-type": "geneve",
            "ovn-encap-ip": address, "ovn-bridge-datapath-type": "netdev",
        }  # fmt: skip
        self._vsctl("set", "Open_vSwitch", ".", *(f"external_ids:{key}={value}" for key, value in ids.items()))
        self._vsctl("set", "Open_vSwitch", ".", "other_config:max-idle=500")  # ms; ten seconds if nothing is said
        self.start_controller()
        wait_for(lambda: succeeds("ovs-vsctl", f"--db={self.database}", "br-exists", "br-int"))

    def plug(self, name: str, mac: str, port: str, bridge: str = "br-int") -> Guest:
        """A guest whose card is the port."""
        tap = f"tap-{name}"
        ip(f"netns add {name}")
        ip(f"link add eth0 netns {name} address {mac} type veth peer name {tap} netns {self.name}")
        self.inside("ip", "link", "set", tap, "up")
        guest = Guest(name)
        guest.do("ip", "link", "set", "lo", "up")
        guest.do("ip", "link", "set", "eth0", "up")
        guest.whole_checksums()
        self._vsctl("add-port", bridge, tap, "--", "set", "interface", tap, f"external_ids:iface-id={port}")
        return guest

    def kill_controller(self) -> None:
        """Kills ovn-controller; what it told Open vSwitch stays."""
        kill(self._folder, "controller")

    def start_controller(self) -> None:
        """Starts ovn-controller again."""
        daemon(self._folder, "controller", "ovn-controller", self.database, inside=("ip", "netns", "exec", self.name))

    def kill_switch(self) -> None:
        """Kills ovs-vswitchd; its database stays, and with the userspace datapath nothing is forwarded."""
        kill(self._folder, "vswitchd")

    def ids(self, *argv: str) -> None:
        """Sets or removes external ids of Open vSwitch: "set", "Open_vSwitch", ".", ..."""
        self._vsctl(*argv)

    def root(self, folder: Path) -> Path:
        """A root folder with the host's sockets at their usual places."""
        sockets = {"db.sock": "conf.sock", "ovs-vswitchd.7.ctl": "vswitchd.ctl"}
        places = {f"run/openvswitch/{place}": self._folder / target for place, target in sockets.items()}
        for place, target in (*places.items(), ("run/ovn", self._folder)):
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).symlink_to(target)
        return folder

    def agent(self, *argv: str) -> subprocess.Popen[str]:
        """A Python module in the host's namespace that says when it listens, and ends with its input."""
        command = ("ip", "netns", "exec", self.name, sys.executable, "-m", *argv)
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        return process

    def ports(self) -> list[str]:
        """What is plugged into the integration bridge."""
        return self._vsctl("list-ports", "br-int").split()

    def inside(self, *argv: str) -> str:
        """Runs a program in the host's namespace."""
        return run("ip", "netns", "exec", self.name, *argv)

    def _vsctl(self, *argv: str) -> str:
        return run("ovs-vsctl", f"--db={self.database}", "--timeout=20", *argv)


FLOWS_GONE_S = 1  # twice the time after which these hosts forget a flow for which no packet came
PYTHON = ("python3", "-I", "-S", "-c")  # quick to start
# Makes the kernel compute TCP's checksums, which it leaves to cards; a veth has no such card (SIOCETHTOOL). Its argument is the card.
CHECKSUMS = """
import fcntl, socket, struct, sys, ctypes
value = ctypes.create_string_buffer(struct.pack("II", 0x17, 0))
request = struct.pack("16sP", sys.argv[1].encode(), ctypes.addressof(value))
fcntl.ioctl(socket.socket(), 0x8946, request)
"""
_LISTEN = """
import socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("listening", flush=True)
while True:
    server.accept()[0].close()
"""


_ASK = """
import socket, struct, sys
asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asked.settimeout(1)
name = b"".join(bytes([len(part)]) + part.encode() for part in sys.argv[2].split("."))
asked.sendto(struct.pack(">6H", 7, 256, 1, 0, 0, 0) + name + bytes([0]) + struct.pack(">2H", int(sys.argv[3]), 1), (sys.argv[1], 53))
try:
    answer = asked.recv(4096)
except TimeoutError:
    sys.exit("no answer")
number, flags, _, answers = struct.unpack(">4H", answer[:8])
size = 4 if sys.argv[3] == "1" else 16
print(flags & 15, socket.inet_ntop(socket.AF_INET if size == 4 else socket.AF_INET6, answer[-size:]) if answers else "-")
"""

_FETCH = """
import http.client, sys
asked = http.client.HTTPConnection("169.254.169.254", timeout=2)
asked.request("GET", sys.argv[1])
answer = asked.getresponse()
sys.stdout.write(answer.read().decode() if answer.status == 200 else "")
"""


class Guest:
    """A namespace with one card, `eth0`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def do(self, *argv: str) -> str:
        """Runs a program in the guest."""
        return run("ip", "netns", "exec", self.name, *argv)

    def can(self, *argv: str) -> bool:
        """True when a program in the guest ends with success."""
        return succeeds("ip", "netns", "exec", self.name, *argv)

    def whole_checksums(self) -> None:
        """Makes the kernel compute TCP's checksums, which it leaves to cards."""
        self.do(*PYTHON, CHECKSUMS, "eth0")

    def has(self, address: str, card: str = "eth0") -> None:
        """Gives a card an address, as a guest does that does not ask DHCP."""
        self.do("ip", "address", "replace", address, "dev", card, *(("nodad",) if ":" in address else ()))

    def pings(self, address: str) -> bool:
        """True when the address answers."""
        return self.can("busybox", "ping", "-c", "1", "-W", "1", address)

    def comes_to(self, address: str) -> None:
        """Waits until the address answers.

        Open vSwitch 3.1 in user space goes on dropping by a flow that its tables no longer have, until no packet came for ten
        seconds: so there are pauses. Then the first packet is lost when a tunnel has to ask for its other end: so there are three.
        """
        wait_for(lambda: self.can("busybox", "ping", "-c", "3", "-W", "1", address), seconds=90, pause=FLOWS_GONE_S)

    def pings_as(self, source: str, address: str) -> bool:
        """The same, from an address that the guest gave itself."""
        return self.can("busybox", "ping", "-c", "1", "-W", "1", "-I", source, address)

    def connects(self, address: str, port: int) -> bool:
        """True when a TCP connection is made."""
        return self.can("busybox", "nc", "-w", "1", address, str(port), "-e", "/bin/true")

    def listens(self, address: str, port: int) -> subprocess.Popen[str]:
        """A server on a port, until its process is killed."""
        return self.start(*PYTHON, _LISTEN, address, str(port))

    def start(self, *argv: str) -> subprocess.Popen[str]:
        """A program in the guest that says when it listens."""
        process = subprocess.Popen(("ip", "netns", "exec", self.name, *argv), stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        return process

    def asks_dns(self, name: str, server: str, kind: int = 1) -> str:
        """The answer of DNS: its code and an address of kind 1 (A) or 28 (AAAA), "" for no answer."""
        argv = ("ip", "netns", "exec", self.name, *PYTHON, _ASK, server, name, str(kind))
        return subprocess.run(argv, capture_output=True, text=True, timeout=60).stdout.strip()

    def fetches(self, path: str) -> str:
        """What the metadata service answers, "" for nothing."""
        argv = ("ip", "netns", "exec", self.name, *PYTHON, _FETCH, f"/{path}")
        return subprocess.run(argv, capture_output=True, text=True, timeout=60).stdout

    def lease(self, card: str = "eth0") -> dict[str, str]:
        """What busybox's DHCP client is told, {} for nothing."""
        script = Path("/run") / f"lease-{self.name}.sh"
        script.write_text('#!/bin/sh\n[ "$1" = bound ] && env\nexit 0\n')
        script.chmod(0o755)
        asked = ("-O", "staticroutes", "-O", "mtu")
        argv = ("busybox", "udhcpc", "-i", card, "-s", str(script), "-n", "-q", "-f", "-t", "3", "-T", "1", *asked)
        done = subprocess.run(("ip", "netns", "exec", self.name, *argv), capture_output=True, text=True, timeout=60)
        return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def wait_for(ready: Callable[[], bool], seconds: float = 60, pause: float = 0.02) -> None:
    """Polls until something is so."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(pause)


def ip(words: str) -> None:
    """Runs iproute2."""
    run("ip", *words.split())


def succeeds(*argv: str) -> bool:
    """True when a program ends with success."""
    return subprocess.run(argv, capture_output=True, timeout=60).returncode == 0


def run(*argv: str, folder: Path | None = None) -> str:
    """What a program prints; it must succeed. With `folder` all that OVS and OVN write goes there."""
    own = {f"{word}_{kind}": str(folder) for word in ("OVS", "OVN") for kind in ("RUNDIR", "LOGDIR", "DBDIR")}
    environment = os.environ | (own if folder else {})
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done.stdout
