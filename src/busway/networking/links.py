"""Bridges, VLAN devices and their addresses on a host, by iproute2 and /proc/sys; each verb may be repeated."""

from __future__ import annotations

import json
from ipaddress import IPv4Network, IPv6Network, ip_interface
from pathlib import Path

from busway.domain.errors import HostError
from busway.networking.programs import run


class Links:
    """The interfaces of the network namespace in which the process runs."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._net = root / "sys/class/net"
        self._sysctl = root / "proc/sys/net"

    def exists(self, name: str) -> bool:
        """True when there is an interface of this name."""
        return (self._net / name).exists()

    def is_bridge(self, name: str) -> bool:
        """True when the interface is a Linux bridge."""
        return (self._net / name / "bridge").is_dir()

    def names(self, prefix: str) -> list[str]:
        """The interfaces whose names begin so."""
        return sorted(path.name for path in self._net.iterdir() if path.name.startswith(prefix))

    def members(self, bridge: str) -> list[str]:
        """The interfaces that are plugged into a bridge."""
        return sorted(path.name for path in (self._net / bridge / "brif").glob("*"))

    def make_bridge(self, name: str, mac: str, mtu: int) -> None:
        """Makes a bridge that forwards from its first moment on, and takes it up."""
        if not self.exists(name):
            run("ip", "link", "add", name, "address", mac, "type", "bridge", "stp_state", "0", "forward_delay", "0")
        if not self.is_bridge(name):
            raise HostError(
                f"Interface {name} is not a bridge",
                remedy=f"Remove it or rename it: ip link set {name} name OTHER",
                code="not-a-bridge",
            )
        run("ip", "link", "set", name, "mtu", str(mtu), "up")

    def make_vlan(self, name: str, below: str, vlan: int, bridge: str) -> None:
        """Makes an interface for one VLAN of `below`, plugged into `bridge`."""
        if not self.exists(name):
            run("ip", "link", "add", "link", below, "name", name, "type", "vlan", "id", str(vlan))
        run("ip", "link", "set", name, "master", bridge, "up")

    def give_address(self, name: str, address: str) -> None:
        """Gives an interface an address with its prefix; one that it has already stays."""
        wanted = ip_interface(address)
        shown = json.loads(run("ip", "-j", "address", "show", "dev", name))
        has = {(info["local"], info["prefixlen"]) for each in shown for info in each.get("addr_info", ())}
        if (str(wanted.ip), wanted.network.prefixlen) not in has:
            quick = ("nodad",) if wanted.version == 6 else ()
            run("ip", "address", "replace", address, "dev", name, *quick)

    def hold_address(self, address: str) -> None:
        """Makes an address the host's own on no network: it answers for it on each, and sends as it nowhere unasked."""
        shown = json.loads(run("ip", "-j", "address", "show", "dev", "lo"))
        if not any(info.get("local") == address for each in shown for info in each.get("addr_info", ())):
            run("ip", "address", "replace", f"{address}/32", "dev", "lo", "scope", "host")

    def drop_address(self, address: str) -> None:
        """Undoes `hold_address`."""
        shown = json.loads(run("ip", "-j", "address", "show", "dev", "lo"))
        if any(info.get("local") == address for each in shown for info in each.get("addr_info", ())):
            run("ip", "address", "delete", f"{address}/32", "dev", "lo")

    def networks(self) -> list[tuple[str, IPv4Network | IPv6Network]]:
        """The networks in which the host has addresses, each with its interface; link-local ones are left out."""
        shown = json.loads(run("ip", "-j", "address", "show"))
        return [
            (each["ifname"], ip_interface(f"{info['local']}/{info['prefixlen']}").network)
            for each in shown
            for info in each.get("addr_info", ())
            if info.get("scope") == "global" and "local" in info
        ]

    def remove(self, name: str) -> None:
        """Removes an interface that Busway made."""
        if self.exists(name):
            run("ip", "link", "delete", name)

    def get(self, key: str) -> str:
        """Reads a value under /proc/sys/net, "" when it is not there."""
        path = self._sysctl / key
        return path.read_text().strip() if path.exists() else ""

    def set(self, key: str, value: str) -> None:
        """Writes a value under /proc/sys/net and reads it back; one that is not there (no IPv6) is passed over."""
        path = self._sysctl / key
        if not path.exists() or path.read_text().strip() == value:
            return
        path.write_text(value)
        if path.read_text().strip() != value:
            raise HostError(f"net.{key.replace('/', '.')} did not become {value}", code="sysctl-refused")
