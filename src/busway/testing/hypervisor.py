"""A hypervisor in a folder: the honest fake of `Hypervisor`.

Domains live in one file, so they survive the process as QEMU survives its agent. A running guest has its IOMMU groups
open (seen in the tree's /proc), and what libvirt and QEMU refuse is refused here in their words.
"""

from __future__ import annotations

import json
import shutil
import threading
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.console import ConsoleKind
from busway.domain.errors import BuswayError, HostError, Unavailable
from busway.domain.host_facts import GuestKind
from busway.domain.ids import ServerId
from busway.domain.server import PowerState
from busway.hardware.function_read import read_function
from busway.hardware.machine import Machine
from busway.hypervisor.seam import DomainSeen, HypervisorFacts
from busway.hypervisor.xml import read_attachments, read_consoles, read_server_id

_Domains = dict[str, dict[str, str]]

_MACHINE = (
    "machine",
    "uefi",
    "secure-boot",
    "viommu-intel",
    "viommu-virtio",
    "pci-mirror",
    "tpm-1.2",
    "tpm-2.0",
    "video-virtio",
    "video-vga",
)


class FakeHypervisor:
    """A hypervisor for the machine under `root`; `obeys_acpi` False makes guests that ignore the power button.

    `boots` is what a guest's console says of its start.
    """

    boots = "starts"

    def __init__(
        self, root: Path, *, obeys_acpi: bool = True, vcpus: int = 64, on_verb: Callable[[str], None] = lambda _: None
    ) -> None:
        self._root = root
        self._file = root / "fake/domains.json"
        self._vcpus = vcpus
        self._on_verb = on_verb
        self._guard = threading.RLock()  # workers call it at once, and it keeps all domains in one file
        self._hangs: dict[str, threading.Event] = {}
        self.obeys_acpi = obeys_acpi
        self.refusals: dict[str, BuswayError] = {}
        self.away = False

    def facts(self) -> HypervisorFacts:
        """Tells of a QEMU 7.2 with KVM."""
        guests = tuple(GuestKind("x86_64", kind, "hvm") for kind in ("qemu", "kvm"))
        return HypervisorFacts(
            "QEMU",
            7_002_022,
            self._vcpus,
            65_536,
            "EPYC",
            ("qemu", "kvm"),
            "x86_64",
            ("avx2", "topoext"),
            guests,
            _MACHINE,
        )

    def domains(self) -> tuple[DomainSeen, ...]:
        """Lists the domains of ours."""
        if "domains" in self._hangs:
            self._hangs["domains"].wait()
        if self.away:
            raise Unavailable("libvirt can't be reached", code="libvirt-away")
        seen = [_see(domain) for domain in self._load().values()]
        return tuple(sorted((s for s in seen if s is not None), key=lambda s: s.server_id))

    def consoles(self, server_id: ServerId) -> Mapping[ConsoleKind, Path]:
        """Tells the sockets of a guest that runs; libvirt's own choice is made here as it makes it."""
        self._before("consoles")
        domain = self._load().get(server_id)
        if domain is None or not _is_active(domain):
            return {}
        found = read_consoles(domain["xml"])
        return {ConsoleKind.VNC: self._file.with_name(f"{domain['name']}.vnc"), **found}

    def define(self, xml: str) -> None:
        """Keeps the definition under its UUID."""
        self._before("define")
        with self._guard:
            domains = self._load()
            root = ET.fromstring(xml)  # noqa: S314 - written by us
            uuid, name = root.findtext("uuid", ""), root.findtext("name", "")
            twin = next((other for other, d in domains.items() if d["name"] == name and other != uuid), None)
            if twin:
                words = f"operation failed: domain '{name}' already exists with uuid {twin}"
                raise HostError("libvirt could not define a domain", detail=words, code="libvirt-refused")
            known = {"power": PowerState.SHUTOFF.value, **domains.get(uuid, {})}
            domains[uuid] = {**known, "name": name, "xml": xml}
            self._save(domains)

    def start(self, server_id: ServerId) -> None:
        """Starts the guest, with QEMU's checks of its devices."""
        self._before("start")
        with self._guard:
            domains = self._load()
            domain = self._get(domains, "start", server_id)
            if _is_active(domain):
                return
            devices, mdevs = _functions(domain["xml"]), _mdevs(domain["xml"])
            for address in devices:
                self._check(domains, server_id, address)
            for uuid in mdevs:
                self._check_mdev(server_id, uuid)
            went_on = "saved" in domain
            self._set(server_id, PowerState.RUNNING)
            self._open_groups(server_id, devices, mdevs)
            said = "goes on" if went_on else self.boots
            self._say(domain["xml"], f"Guest {domain['name']} {said}\n")

    def shutdown(self, server_id: ServerId) -> None:
        """Powers the guest off when it obeys ACPI; one that stands still follows nothing."""
        self._before("shutdown")
        domain = self._get(self._load(), "shut down", server_id)
        if self.obeys_acpi and domain["power"] == PowerState.RUNNING:
            self._stop(server_id)

    def destroy(self, server_id: ServerId) -> None:
        """Ends the guest."""
        self._before("destroy")
        self._stop(server_id)

    def reboot(self, server_id: ServerId, *, hard: bool) -> None:
        """Ends and starts the guest by force; by ACPI its console tells of it."""
        self._before("reboot")
        domain = self._get(self._load(), "reboot", server_id)
        if hard:
            self._stop(server_id)
            self.start(server_id)
        elif not _is_active(domain):
            return
        self._say(domain["xml"], f"Guest {domain['name']} reboots\n")

    def pause(self, server_id: ServerId) -> None:
        """Stops the guest's vCPUs."""
        self._before("pause")
        self._hold("pause", server_id, PowerState.PAUSED)

    def unpause(self, server_id: ServerId) -> None:
        """Lets them go on."""
        self._before("unpause")
        self._hold("unpause", server_id, PowerState.RUNNING)

    def save(self, server_id: ServerId) -> None:
        """Keeps a mark for the guest's memory; QEMU saves no guest that has a device of its host."""
        self._before("save")
        with self._guard:
            domain = self._get(self._load(), "save the memory of", server_id)
            if not _is_active(domain):
                return
            if read_attachments(domain["xml"]):
                words = "Requested operation is not valid: cannot migrate domain: VFIO device doesn't support migration"
                raise _refused("save the memory of", server_id, words)
            self._stop(server_id)
            domains = self._load()
            domains[server_id]["saved"] = "yes"
            self._save(domains)

    def forget_saved(self, server_id: ServerId) -> None:
        """Removes the mark."""
        self._before("forget_saved")
        with self._guard:
            domains = self._load()
            if domains.get(server_id, {}).pop("saved", None) is not None:
                self._save(domains)

    def undefine(self, server_id: ServerId) -> None:
        """Forgets the guest."""
        self._before("undefine")
        with self._guard:
            domains = self._load()
            if domains.pop(server_id, None) is not None:
                self._save(domains)

    def hang(self, verb: str) -> threading.Event:
        """Makes a verb ("start", "domains", ...) not end before the event that it returns is set."""
        self._hangs[verb] = threading.Event()
        return self._hangs[verb]

    def stall(self, server_id: ServerId) -> None:
        """Does what libvirt does to a guest whose disk is full: it stands still, and nobody has asked for it."""
        self._set(server_id, PowerState.PAUSED, by_user=False)

    def unstall(self, server_id: ServerId) -> None:
        """Lets it go on."""
        self._set(server_id, PowerState.RUNNING)

    def power_off_from_inside(self, server_id: ServerId) -> None:
        """Does what a guest does that runs `poweroff`."""
        self._stop(server_id)

    def _before(self, verb: str) -> None:
        self._on_verb(verb)
        if verb in self._hangs:
            self._hangs[verb].wait()
        if verb in self.refusals:
            raise self.refusals[verb]

    def _check(self, domains: _Domains, server_id: ServerId, address: PciAddress) -> None:
        users = [d["name"] for other, d in domains.items() if other != server_id and _uses(d, address)]
        machine = Machine.read(self._root)
        device = machine.find(address)
        group = machine.groups.get(device.iommu_group) if device and device.iommu_group is not None else None
        if users:
            words = (
                f"Requested operation is not valid: PCI device {address} is in use by driver QEMU, domain {users[0]}"
            )
        elif device is None:
            words = f"vfio /sys/bus/pci/devices/{address}: no such host device"
        elif not device.is_on_vfio:
            words = f"internal error: PCI device {address} is not bound to vfio-pci, but to {device.driver}"
        elif (vgpu := device.vendor_vgpu) is not None and not vgpu.current:
            words = f"vfio {address}: error getting device from group: Invalid argument"  # it is no vGPU
        elif group is None or not all(member.keeps_viable for member in group.members):
            words = f"vfio {address}: group {device.iommu_group} is not viable"
        else:
            return
        raise _refused("start", server_id, words)

    def _check_mdev(self, server_id: ServerId, uuid: str) -> None:
        if not (self._root / "sys/bus/mdev/devices" / uuid).is_symlink():
            words = f"device not found: mediated device '{uuid}' not found"
            raise _refused("start", server_id, words)
        group = self._mdev_group(uuid)
        if any(link.readlink() == Path(group) for link in self._root.glob("proc/[0-9]*/fd/*")):
            raise _refused("start", server_id, f"vfio {uuid}: failed to open {group}: Device or resource busy")

    def _mdev_group(self, uuid: str) -> str:
        folder = (self._root / "sys/bus/mdev/devices" / uuid).resolve()
        return f"/dev/vfio/{(folder / 'iommu_group').readlink().name}"

    def _open_groups(self, server_id: ServerId, devices: tuple[PciAddress, ...], mdevs: tuple[str, ...]) -> None:
        files = self._proc(server_id) / "fd"
        files.mkdir(parents=True, exist_ok=True)
        (files.parent / "comm").write_text("qemu-system-x86\n")
        for address in devices:
            device = read_function(self._root, address)
            link = files / str(address)
            if device is not None and not link.is_symlink():
                link.symlink_to(f"/dev/vfio/{device.iommu_group}")
        for uuid in mdevs:
            (files / uuid).unlink(missing_ok=True)
            (files / uuid).symlink_to(self._mdev_group(uuid))

    def _stop(self, server_id: ServerId) -> None:
        with self._guard:
            shutil.rmtree(self._proc(server_id), ignore_errors=True)
            if server_id in self._load():
                self._set(server_id, PowerState.SHUTOFF)

    def _proc(self, server_id: ServerId) -> Path:
        return self._root / "proc" / str(100_000 + zlib.crc32(server_id.encode()) % 900_000)

    def _say(self, xml: str, text: str) -> None:
        log = ET.fromstring(xml).find("devices/serial/log")  # noqa: S314 - written by us
        if log is not None:
            with Path(log.get("file", "/dev/null")).open("a", encoding="utf-8") as console:
                console.write(text)

    def _get(self, domains: _Domains, verb: str, server_id: ServerId) -> dict[str, str]:
        if server_id not in domains:
            words = f"Domain not found: no domain with matching uuid '{server_id}'"
            raise _refused(verb, server_id, words)
        return domains[server_id]

    def _hold(self, verb: str, server_id: ServerId, power: PowerState) -> None:
        with self._guard:
            domain = self._get(self._load(), verb, server_id)
            if not _is_active(domain):
                raise _refused(verb, server_id, "Requested operation is not valid: domain is not running")
            if domain["power"] != power:
                self._set(server_id, power)

    def _set(self, server_id: ServerId, power: PowerState, *, by_user: bool = True) -> None:
        with self._guard:
            domains = self._load()
            domain = domains[server_id]
            domain["power"] = power.value
            domain.pop("stalled", None)
            if _is_active(domain):
                domain.pop("saved", None)
            if not by_user:
                domain["stalled"] = "yes"
            self._save(domains)

    def _load(self) -> _Domains:
        try:
            loaded: _Domains = json.loads(self._file.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return loaded

    def _save(self, domains: _Domains) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(domains), "utf-8")
        fresh.replace(self._file)


def _see(domain: dict[str, str]) -> DomainSeen | None:
    server_id = read_server_id(domain["xml"])
    if server_id is None:
        return None
    power = PowerState(domain["power"])
    paused = power is PowerState.PAUSED and "stalled" not in domain
    attached = read_attachments(domain["xml"])
    return DomainSeen(server_id, domain["name"], power, attached, paused, "saved" in domain)


def _is_active(domain: dict[str, str]) -> bool:
    """True while QEMU runs, paused guests included: it has the guest's devices open."""
    return domain["power"] in (PowerState.RUNNING, PowerState.PAUSED)


def _functions(xml: str) -> tuple[PciAddress, ...]:
    return tuple(PciAddress(each.name) for each in read_attachments(xml) if ":" in each.name)


def _mdevs(xml: str) -> tuple[str, ...]:
    return tuple(each.name for each in read_attachments(xml) if ":" not in each.name)


def _uses(domain: dict[str, str], address: PciAddress) -> bool:
    return _is_active(domain) and address in _functions(domain["xml"])


def _refused(verb: str, server_id: ServerId, words: str) -> HostError:
    return HostError(f"libvirt could not {verb} server {server_id}", detail=words, code="libvirt-refused")
