"""DHCP, DNS and router advertisements of one network by dnsmasq, which outlives the agent and is found again.

Its configuration is a pure function of the network and its cards (`configuration`, `hosts`, `options`, `names`). Only cards that
Busway knows get an address, always the same one, so no file of leases is needed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path

from busway.domain.documents import Nic
from busway.domain.errors import HostError
from busway.domain.guest_network import METADATA_ADDRESS, HostNetwork
from busway.networking.programs import run

_END_SECONDS = 10.0


def configuration(network: HostNetwork, bridge: str, folder: Path, *, dns: bool) -> str:
    """The configuration file; without `dns` it answers DHCP only, and only for cards that it knows.

    DNS is answered at the network's gateway.
    """
    lines = [
        f"interface={bridge}", "except-interface=lo", "bind-interfaces", "no-hosts", "leasefile-ro", "no-ping",
        f"pid-file={folder / 'pid'}", f"dhcp-hostsfile={folder / 'hosts'}", f"dhcp-optsfile={folder / 'options'}",
        "log-facility=/dev/null",
    ]  # fmt: skip
    lines += _dns(network, folder) if dns else ["port=0"]
    if network.cidr:
        subnet = ip_network(network.cidr)
        first = str(subnet.network_address)
        lines.append(f"dhcp-range={first},static,{subnet.netmask},12h")
        lines.append("dhcp-authoritative" if dns else f"shared-network={bridge},{first}")
        lines += _options(network, dns=dns)
    if network.cidr6 and network.ra:
        lines += ["enable-ra", f"dhcp-range={ip_network(network.cidr6).network_address},ra-only,64"]
    return "\n".join(lines) + "\n"


def _dns(network: HostNetwork, folder: Path) -> list[str]:
    lines = [f"addn-hosts={folder / 'names'}", "domain-needed", "bogus-priv", "local-ttl=5"]
    if network.domain:
        lines += [f"domain={network.domain}", f"local=/{network.domain}/", "expand-hosts"]
    return [*lines, *(f"server={server}" for server in network.dns)]


def _options(network: HostNetwork, *, dns: bool) -> list[str]:
    """The way to the metadata is on the card's own link; with option 121 a client ignores other routes (RFC 3442)."""
    routes = [f"{METADATA_ADDRESS}/32,0.0.0.0"]
    routes += [f"{each.destination},{each.nexthop}" for each in network.routes if ":" not in each.destination]
    lines = []
    if network.gateway:
        routes.append(f"0.0.0.0/0,{network.gateway}")
        lines.append(f"dhcp-option=option:router,{network.gateway}")
    else:
        lines.append("dhcp-option=option:router")
    lines.append(f"dhcp-option=option:classless-static-route,{','.join(routes)}")
    servers = network.gateway if dns else ",".join(network.dns)
    lines.append(f"dhcp-option=option:dns-server{',' if servers else ''}{servers}")
    lines.append(f"dhcp-option=option:mtu,{network.mtu}")
    return lines


def hosts(nics: Iterable[Nic]) -> str:
    """The cards that get an address, one a line."""
    return "".join(
        f"{nic.mac},{_tag(nic)}{nic.address}{f',{nic.name}' if nic.name else ''}\n" for nic in nics if nic.address
    )


def _tag(nic: Nic) -> str:
    return f"set:{nic.tap}," if nic.dhcp_options else ""


def options(nics: Iterable[Nic]) -> str:
    """The options of single cards, one a line; they go before those of the network."""
    return "".join(
        f"tag:{nic.tap},{'' if each.name.isdigit() else 'option:'}{each.name},{each.value}\n"
        for nic in nics
        for each in nic.dhcp_options
    )


def names(nics: Iterable[Nic]) -> str:
    """The guests' names; where two guests have one name, the first keeps it."""
    taken: dict[str, Nic] = {}
    for nic in nics:
        if nic.name:
            taken.setdefault(nic.name, nic)
    both = [(address, name) for name, nic in taken.items() for address in (*nic.addresses, nic.address6) if address]
    return "".join(f"{address} {name}\n" for address, name in both)


class Dnsmasq:
    """The dnsmasq of each network, with its files in a folder of its own below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ensure(self, network: HostNetwork, bridge: str, nics: tuple[Nic, ...], *, dns: bool) -> None:
        """Starts it, restarts it if its configuration changed, or makes it read its lists again."""
        folder = self._folder / network.id
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        texts = {"hosts": hosts(nics), "options": options(nics), "names": names(nics)}
        lists = [_write(folder / name, text) for name, text in texts.items()]
        changed = _write(folder / "conf", configuration(network, bridge, folder, dns=dns))
        pid = self._pid(folder)
        if pid is not None and not changed:
            if any(lists):
                os.kill(pid, signal.SIGHUP)
            return
        if pid is not None:
            self._end(folder, pid)
        run("dnsmasq", f"--conf-file={folder / 'conf'}")

    def keep_only(self, wanted: Iterable[str]) -> None:
        """Ends those of networks that are not wanted any more."""
        if not self._folder.is_dir():
            return
        kept = set(wanted)
        for folder in list(self._folder.iterdir()):
            if folder.name not in kept:
                if (pid := self._pid(folder)) is not None:
                    self._end(folder, pid)
                for path in folder.iterdir():
                    path.unlink(missing_ok=True)
                folder.rmdir()

    def _pid(self, folder: Path) -> int | None:
        """The process that was started with this folder's configuration, None when it is gone."""
        try:
            pid = int((folder / "pid").read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if f"--conf-file={folder / 'conf'}".encode() in words else None

    def _end(self, folder: Path, pid: int) -> None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _END_SECONDS
        while self._pid(folder) == pid:
            if time.monotonic() > deadline:
                raise HostError(f"dnsmasq (pid {pid}) does not stop", code="dnsmasq-stuck")
            time.sleep(0.02)


def _write(path: Path, text: str) -> bool:
    """Writes a file whole; False when it says so already."""
    if path.exists() and path.read_text() == text:
        return False
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.chmod(0o644)
    new.replace(path)
    return True
