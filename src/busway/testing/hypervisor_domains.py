"""The domains of the fake hypervisor: one JSON file with the definition and the state of each."""

from __future__ import annotations

import json
import threading
import xml.etree.ElementTree as ET
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.domain.ids import ServerId
from busway.domain.server import PowerState
from busway.hypervisor.seam import DomainSeen
from busway.hypervisor.xml import find_device, read_attachments, read_cards, read_server_id

Domains = dict[str, dict[str, str]]
NOT_RUNNING = "Requested operation is not valid: domain is not running"


class DomainFile:
    """Where the domains are kept, so that they survive the process as QEMU survives its agent."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.guard = threading.RLock()  # workers act at once, and all domains are in one file

    def load(self) -> Domains:
        """All domains by their UUID."""
        try:
            loaded: Domains = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return loaded

    def save(self, domains: Domains) -> None:
        """Replaces the file as a whole."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(domains), "utf-8")
        fresh.replace(self.path)

    def get(self, verb: str, server_id: ServerId) -> dict[str, str]:
        """One domain; refuses in libvirt's words when there is none."""
        return self.pick(self.load(), verb, server_id)

    def pick(self, domains: Domains, verb: str, server_id: ServerId) -> dict[str, str]:
        """One of `domains`; refuses in libvirt's words when there is none."""
        if server_id not in domains:
            words = f"Domain not found: no domain with matching uuid '{server_id}'"
            raise refused(verb, server_id, words)
        return domains[server_id]

    def set_power(self, server_id: ServerId, power: PowerState, *, by_user: bool = True) -> None:
        """Brings a domain into a state; a pause that no user asked for is marked."""
        with self.guard:
            domains = self.load()
            domain = domains[server_id]
            domain["power"] = power.value
            for mark in ("stalled", "arriving", "left"):
                domain.pop(mark, None)
            if is_active(domain):
                domain.pop("saved", None)
            else:
                domain.pop("live", None)
                domain.pop("asked", None)
            if not by_user:
                domain["stalled"] = "yes"
            self.save(domains)


def see(domain: dict[str, str]) -> DomainSeen | None:
    """What the seam tells about a domain; None for one that is no server's."""
    server_id = read_server_id(domain["xml"])
    if server_id is None:
        return None
    power = PowerState(domain["power"])
    paused = power is PowerState.PAUSED and "stalled" not in domain
    now = running_xml(domain)
    attached, cards = read_attachments(now), read_cards(now)
    arriving, left = "arriving" in domain, "left" in domain and power is PowerState.SHUTOFF
    paused, saved = paused and not arriving, "saved" in domain
    return DomainSeen(server_id, domain["name"], power, attached, paused, saved, cards, arriving, left)


def running_xml(domain: dict[str, str]) -> str:
    """The definition of what runs, or else the one for the next start."""
    return domain.get("live", domain["xml"])


def without_device(xml: str, thing: str) -> str:
    """A definition without the device that it calls `thing`."""
    root = ET.fromstring(xml)  # noqa: S314 - written by us
    devices = root.find("devices")
    assert devices is not None
    for element in list(devices):
        alone = f"<domain><devices>{ET.tostring(element, encoding='unicode')}</devices></domain>"
        if find_device(alone, thing) is not None:
            devices.remove(element)
    return ET.tostring(root, encoding="unicode")


def is_active(domain: dict[str, str]) -> bool:
    """True while QEMU runs, paused guests included: it has the guest's devices open."""
    return domain["power"] in (PowerState.RUNNING, PowerState.PAUSED)


def functions(xml: str) -> tuple[PciAddress, ...]:
    """The PCI functions that a definition gives its guest."""
    return tuple(PciAddress(each.name) for each in read_attachments(xml) if ":" in each.name)


def mdevs(xml: str) -> tuple[str, ...]:
    """The UUIDs of the mediated devices that a definition gives its guest."""
    return tuple(each.name for each in read_attachments(xml) if ":" not in each.name)


def uses(domain: dict[str, str], address: PciAddress) -> bool:
    """True when a running guest has the device."""
    return is_active(domain) and address in functions(running_xml(domain))


def refused(verb: str, server_id: ServerId, words: str) -> HostError:
    """What the libvirt adapter raises when libvirt answers with these words."""
    return HostError(f"libvirt could not {verb} server {server_id}", detail=words, code="libvirt-refused")
