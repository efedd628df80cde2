"""Connections of a guest behind its packet filter, on a kernel with nf_conntrack_bridge. Run in a network namespace of its own.

The guest and the site are namespaces; between them is a bridge with the filter of the guest's card.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from busway.domain.documents import Nic
from busway.domain.guest_network import NicGroup, NicRule
from busway.domain.ids import NetworkId, PortId, SecurityGroupId
from busway.networking.conntrack import list_connections, replace_connections
from busway.networking.ruleset import ControlPlane, packet_filter
from tests.networking.desired import desired_of

GROUP = SecurityGroupId("out")
NIC = Nic(
    "fa:16:3e:00:00:01", "10.0.0.1", 24, "10.0.0.254", PortId("00000001-0000-0000"),
    NetworkId("11111111-2222-3333-4444-555555555555"), groups=(GROUP,),
)  # fmt: skip
SITE, PORT = "10.0.0.254", 7000
_RETRANSMITS = 2  # the place of the byte in struct tcp_info
_NEW_NET = 0x40000000


def main() -> None:
    filter_ = packet_filter(desired_of((NIC,), (NicGroup(GROUP, (NicRule("egress", "IPv4"),)),)), ControlPlane((), 0))
    ip("link add br0 type bridge forward_delay 0")
    ip("link set br0 up")
    with end(NIC.tap, NIC.address, NIC.mac) as guest, end("site0", SITE, "fa:16:3e:00:00:02") as site:
        subprocess.run(["nft", "-f", "-"], input=filter_.text.encode(), check=True)
        with within(site):
            listening = socket.create_server((SITE, PORT))
        with within(guest):
            mine = socket.create_connection((SITE, PORT), 60)
        far, _ = listening.accept()
        far.sendall(b"hello")
        assert mine.recv(5) == b"hello"
        known = list_connections({NIC.address})
        assert [(each.source, each.target_port) for each in known] == [(NIC.address, PORT)], known

        replace_connections({NIC.address}, ())
        far.sendall(b"answer")
        deadline = time.monotonic() + 60
        while far.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[_RETRANSMITS] < 2:
            assert time.monotonic() < deadline, "it was acknowledged"
            time.sleep(0.05)
        mine.setblocking(False)
        try:
            raise AssertionError(f"{mine.recv(6)!r} was let in")
        except BlockingIOError:
            mine.settimeout(60)
        replace_connections({NIC.address}, known)
        assert mine.recv(6) == b"answer"
        mine.sendall(b"thanks")
        assert far.recv(6) == b"thanks"
    print("all is well")


def ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)


@contextmanager
def end(port: str, address: str, mac: str) -> Iterator[int]:
    """A namespace with one card, joined to the bridge by a port; the id of a process in it."""
    with subprocess.Popen(["unshare", "--net", "sleep", "1000"]) as process:
        try:
            deadline = time.monotonic() + 60
            mine = Path("/proc/self/ns/net").stat().st_ino
            while Path(f"/proc/{process.pid}/ns/net").stat().st_ino == mine:
                assert time.monotonic() < deadline, "no namespace"
                time.sleep(0.02)
            ip(f"link add {port} type veth peer name card netns {process.pid}")
            ip(f"link set {port} master br0 up")
            for words in (f"link set card address {mac} up", f"address add {address}/24 dev card"):
                subprocess.run(["nsenter", "-t", str(process.pid), "-n", "ip", *words.split()], check=True)
            yield process.pid
        finally:
            process.kill()


@contextmanager
def within(pid: int) -> Iterator[None]:
    """Sockets that are made meanwhile are in the namespace of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/self/ns/net").open() as home, Path(f"/proc/{pid}/ns/net").open() as there:
        assert libc.setns(there.fileno(), _NEW_NET) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert libc.setns(home.fileno(), _NEW_NET) == 0


if __name__ == "__main__":
    main()
