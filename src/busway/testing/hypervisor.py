"""A hypervisor in a folder: the honest fake of `Hypervisor`.

Domains live in one file, so they survive the process as QEMU survives its agent. A running guest has its IOMMU groups
open (seen in the tree's /proc), and what libvirt and QEMU refuse is refused here in their words.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from pathlib import Path

from busway.domain.console import ConsoleKind, SpiceEnds
from busway.domain.diagnostics import Diagnostics
from busway.domain.errors import BuswayError, HostError, Unavailable
from busway.domain.host_facts import GuestKind
from busway.domain.ids import ServerId
from busway.domain.live_move import LiveProgress
from busway.domain.server import PowerState
from busway.hypervisor.diagnostics import read_diagnostics
from busway.hypervisor.live import LiveDefinition, LiveWatch, LiveWay
from busway.hypervisor.seam import DomainSeen, HypervisorFacts
from busway.hypervisor.xml import backup_xml, find_device, read_attachments, read_consoles, read_spice
from busway.hypervisor.xml.extras import AGENT_CHANNEL
from busway.testing.hypervisor_devices import GuestDevices, check_place
from busway.testing.hypervisor_domains import (
    NOT_RUNNING,
    DomainFile,
    functions,
    is_active,
    mdevs,
    refused,
    running_xml,
    see,
    without_device,
)
from busway.testing.hypervisor_driver import DriverSocket, send_guest

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
        self._domains = DomainFile(root / "fake/domains.json")
        self._devices = GuestDevices(root)
        self._vcpus = vcpus
        self._on_verb = on_verb
        self._hangs: dict[str, threading.Event] = {}
        self.obeys_acpi = obeys_acpi
        self.lets_go = True  # False: guests that ignore it when they are asked to let go of a device
        self.refusals: dict[str, BuswayError] = {}
        self._driver: DriverSocket | None = None
        self.cpu = "emulated by 7.2"
        self.copies = 2  # looks at the progress until all is copied
        self.loses_answer = False  # a migration that has worked is reported as one that has failed
        self.away = False
        self.frozen: set[ServerId] = set()
        self._copies: set[ServerId] = set()

    def facts(self) -> HypervisorFacts:
        """Reports a QEMU 7.2 with KVM."""
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
        seen = [see(domain) for domain in self._domains.load().values()]
        return tuple(sorted((s for s in seen if s is not None), key=lambda s: s.server_id))

    def consoles(self, server_id: ServerId) -> Mapping[ConsoleKind, Path]:
        """Tells the sockets of a guest that runs; libvirt's own choice is made here as it makes it."""
        self._before("consoles")
        domain = self._domains.load().get(server_id)
        if domain is None or not is_active(domain):
            return {}
        found = read_consoles(domain["xml"])
        return {ConsoleKind.VNC: self._domains.path.with_name(f"{domain['name']}.vnc"), **found}

    def spice(self, server_id: ServerId) -> SpiceEnds | None:
        """Tells the address of the definition, and ports as libvirt chooses them."""
        self._before("spice")
        domain = self._domains.load().get(server_id)
        found = read_spice(domain["xml"]) if domain is not None and is_active(domain) else None
        if domain is None or found is None:
            return None
        secure = 'defaultMode="secure"' in domain["xml"]
        return SpiceEnds(found.host, None if secure else 5900, 5900 if secure else None)

    def diagnostics(self, server_id: ServerId) -> Diagnostics:
        """Tells what the definition says; nothing has moved in a guest that is none."""
        self._before("diagnostics")
        xml = self._domains.get("read the counters of", server_id)["xml"]
        root = ET.fromstring(xml)  # noqa: S314 - written by us
        memory, vcpus = int(root.findtext("memory", "0")) * 1024, int(root.findtext("vcpu", "1"))  # written in MiB
        stats = {f"vcpu.{number}.time": 0 for number in range(vcpus)}
        return read_diagnostics(xml, (1, memory, memory, vcpus, 0), stats)

    def ask_guest(self, server_id: ServerId, command: str, seconds: int) -> str:  # noqa: ARG002 - it answers at once
        """Answers as an agent that sets passwords, in guests that have its channel; its console tells whose."""
        self._before("ask_guest")
        domain = self._domains.get("ask the agent in the guest of", server_id)
        asked = json.loads(command)
        words = ""
        if not is_active(domain):
            words = "Requested operation is not valid: domain is not running"
        elif AGENT_CHANNEL not in domain["xml"]:
            words = "argument unsupported: QEMU guest agent is not configured"
        elif asked["execute"] != "guest-set-user-password":
            words = f"internal error: unable to execute QEMU agent command '{asked['execute']}'"
        if words:
            raise refused("ask the agent in the guest of", server_id, words)
        self._write_console(
            domain["xml"], f"Guest {domain['name']} has another password of {asked['arguments']['username']}\n"
        )
        return '{"return":{}}'

    def define(self, xml: str) -> None:
        """Keeps the definition under its UUID."""
        self._before("define")
        with self._domains.guard:
            domains = self._domains.load()
            root = ET.fromstring(xml)  # noqa: S314 - written by us
            uuid, name = root.findtext("uuid", ""), root.findtext("name", "")
            twin = next((other for other, d in domains.items() if d["name"] == name and other != uuid), None)
            if twin:
                words = f"operation failed: domain '{name}' already exists with uuid {twin}"
                raise HostError("libvirt could not define a domain", detail=words, code="libvirt-refused")
            known = {"power": PowerState.SHUTOFF.value, **domains.get(uuid, {})}
            domains[uuid] = {**known, "name": name, "xml": xml}
            self._domains.save(domains)

    def start(self, server_id: ServerId) -> None:
        """Starts the guest, with QEMU's checks of its devices."""
        self._before("start")
        with self._domains.guard:
            domains = self._domains.load()
            domain = self._domains.pick(domains, "start", server_id)
            if is_active(domain):
                return
            devices, uuids = functions(domain["xml"]), mdevs(domain["xml"])
            for address in devices:
                self._devices.check(domains, server_id, address)
            for uuid in uuids:
                self._devices.check_mdev(server_id, uuid)
            went_on = "saved" in domain
            domain["live"] = domain["xml"]
            self._domains.save(domains)
            self._domains.set_power(server_id, PowerState.RUNNING)
            self._devices.open_groups(server_id, devices, uuids)
            line = "continues" if went_on else self.boots
            self._write_console(domain["xml"], f"Guest {domain['name']} {line}\n")

    def shutdown(self, server_id: ServerId) -> None:
        """Powers the guest off when it obeys ACPI; one that stands still follows nothing."""
        self._before("shutdown")
        domain = self._domains.get("shut down", server_id)
        if self.obeys_acpi and domain["power"] == PowerState.RUNNING:
            self._stop(server_id)

    def destroy(self, server_id: ServerId) -> None:
        """Ends the guest."""
        self._before("destroy")
        self._stop(server_id)

    def reboot(self, server_id: ServerId, *, hard: bool) -> None:
        """Ends and starts the guest by force; by ACPI its console shows it."""
        self._before("reboot")
        domain = self._domains.get("reboot", server_id)
        if hard:
            self._stop(server_id)
            self.start(server_id)
        elif not is_active(domain):
            return
        self._write_console(domain["xml"], f"Guest {domain['name']} reboots\n")

    def plug(self, server_id: ServerId, xml: str) -> None:
        """Adds the device to what runs, with libvirt's checks of its place and QEMU's of the device."""
        self._before("plug")
        with self._domains.guard:
            domains = self._domains.load()
            domain = self._domains.pick(domains, "plug a device into", server_id)
            if not is_active(domain):
                raise refused("plug a device into", server_id, NOT_RUNNING)
            running, device = ET.fromstring(domain["live"]), ET.fromstring(xml)  # noqa: S314 - written by us
            devices = running.find("devices")
            assert devices is not None
            check_place(server_id, devices, device)
            devices.append(device)
            whole = ET.tostring(running, encoding="unicode")
            for address in set(functions(whole)) - set(functions(domain["live"])):
                self._devices.check(domains, server_id, address)
            for uuid in set(mdevs(whole)) - set(mdevs(domain["live"])):
                self._devices.check_mdev(server_id, uuid)
            domain["live"] = whole
            self._domains.save(domains)
            self._devices.open_groups(server_id, functions(whole), ())

    def ask_out(self, server_id: ServerId, thing: str) -> None:
        """Takes the device from what runs, if the guest runs and lets it go."""
        self._before("ask_out")
        with self._domains.guard:
            domains = self._domains.load()
            domain = self._domains.pick(domains, "unplug a device from", server_id)
            if is_active(domain) and find_device(domain["live"], thing) is not None:
                domain["asked"] = " ".join({*domain.get("asked", "").split(), thing})
                self._domains.save(domains)
                self._let_go(server_id)

    def _let_go(self, server_id: ServerId) -> None:
        """What a running guest does that was asked to let go of devices."""
        domains = self._domains.load()
        domain = domains.get(server_id, {})
        if not self.lets_go or domain.get("power") != PowerState.RUNNING:
            return
        for thing in domain.pop("asked", "").split():
            domain["live"] = without_device(domain["live"], thing)
            self._devices.close_group(server_id, thing)
        self._domains.save(domains)

    def inject_nmi(self, server_id: ServerId) -> None:
        """Writes it into the guest's console."""
        self._before("inject_nmi")
        domain = self._domains.get("send an interrupt to", server_id)
        if not is_active(domain):
            raise refused("send an interrupt to", server_id, NOT_RUNNING)
        self._write_console(domain["xml"], f"Guest {domain['name']} got a non-maskable interrupt\n")

    def pause(self, server_id: ServerId) -> None:
        """Stops the guest's vCPUs."""
        self._before("pause")
        self._hold("pause", server_id, PowerState.PAUSED)

    def unpause(self, server_id: ServerId) -> None:
        """Lets them continue."""
        self._before("unpause")
        self._hold("unpause", server_id, PowerState.RUNNING)
        self._let_go(server_id)

    def save(self, server_id: ServerId) -> None:
        """Keeps a mark for the guest's memory; QEMU saves no guest that has a device of its host."""
        self._before("save")
        with self._domains.guard:
            domain = self._domains.get("save the memory of", server_id)
            if not is_active(domain):
                return
            if read_attachments(running_xml(domain)):
                words = "Requested operation is not valid: cannot migrate domain: VFIO device doesn't support migration"
                raise refused("save the memory of", server_id, words)
            self._stop(server_id)
            domains = self._domains.load()
            domains[server_id]["saved"] = "yes"
            self._domains.save(domains)

    def forget_saved(self, server_id: ServerId) -> None:
        """Removes the mark."""
        self._before("forget_saved")
        with self._domains.guard:
            domains = self._domains.load()
            if domains.get(server_id, {}).pop("saved", None) is not None:
                self._domains.save(domains)

    def begin_copy(self, server_id: ServerId, disk: Path, target: Path) -> None:
        """Copies the file at once, and reports it when it is asked."""
        self._before("begin_copy")
        domain = self._domains.get("copy a disk of", server_id)
        if not is_active(domain):
            raise refused("copy a disk of", server_id, "Requested operation is not valid: domain is not running")
        if backup_xml(domain["xml"], disk, target) is None:
            raise refused("copy a disk of", server_id, f"domain {domain['name']} has no disk {disk}")
        shutil.copyfile(disk, target)
        self._copies.add(server_id)

    def is_copied(self, server_id: ServerId) -> bool:
        """True of a guest that still runs."""
        self._before("is_copied")
        domain = self._domains.get("copy a disk of", server_id)
        if server_id not in self._copies or not is_active(domain):
            raise refused("copy a disk of", server_id, "the guest has ended")
        self._copies.discard(server_id)
        return True

    def end_copy(self, server_id: ServerId) -> None:
        """Forgets it."""
        self._before("end_copy")
        self._copies.discard(server_id)

    def freeze(self, server_id: ServerId, seconds: int) -> None:  # noqa: ARG002
        """Holds the guest's writes, where it has an agent."""
        self._before("freeze")
        domain = self._domains.get("freeze", server_id)
        if AGENT_CHANNEL not in domain["xml"]:
            words = "argument unsupported: QEMU guest agent is not configured"
            raise refused("ask the agent in the guest of", server_id, words)
        self.frozen.add(server_id)

    def thaw(self, server_id: ServerId, seconds: int) -> None:  # noqa: ARG002
        """Lets it write again."""
        self._before("thaw")
        self.frozen.discard(server_id)

    def undefine(self, server_id: ServerId) -> None:
        """Forgets the guest."""
        self._before("undefine")
        with self._domains.guard:
            domains = self._domains.load()
            if domains.pop(server_id, None) is not None:
                self._domains.save(domains)

    def driver_socket(self) -> Path:
        """Answers there from now on, as libvirt does: another one hands its guests over."""
        with self._domains.guard:
            if self._driver is None:
                self._driver = DriverSocket(self._domains)
        return self._driver.path

    def guest_owner(self) -> tuple[int, int]:
        """Whoever runs the test."""
        return os.getuid(), os.getgid()

    def describe_live(self, server_id: ServerId) -> LiveDefinition:
        """The definition of a guest that runs; its CPU is the text `cpu`."""
        self._before("describe_live")
        domain = self._domains.get("read the running definition of", server_id)
        if not is_active(domain):
            raise refused("read the running definition of", server_id, "domain is not running")
        xml = running_xml(domain)
        return LiveDefinition(xml, self.cpu, 7_002_022, ET.fromstring(xml).get("type", ""))  # noqa: S314 - ours

    def check_cpu(self, wanted: LiveDefinition) -> None:
        """Takes only the same CPU."""
        if wanted.cpu != self.cpu:
            raise HostError("The CPUs of this host can't run the guest as it runs now", code="live-cpu")

    def hand_over(self, server_id: ServerId, way: LiveWay, watch: LiveWatch) -> LiveProgress:
        """Sends the definition and the console; the other end has the guest standing still when it answers."""
        self._before("hand_over")
        domain = self._domains.get("hand over", server_id)
        try:
            send_guest(way, str(server_id), domain["name"], self.copies, watch)
        except (OSError, ValueError) as error:
            raise refused("hand over", server_id, f"End of file while reading data: {error}") from error
        with self._domains.guard:
            self._stop(server_id)
            domains = self._domains.load()
            domains[server_id]["left"] = "yes"
            self._domains.save(domains)
        if self.loses_answer:
            raise refused("hand over", server_id, "End of file while reading data")
        return LiveProgress(1000, 1000, 0, elapsed_ms=100, downtime_ms=10)

    def hang(self, verb: str) -> threading.Event:
        """Makes a verb ("start", "domains", ...) not end before the event that it returns is set."""
        self._hangs[verb] = threading.Event()
        return self._hangs[verb]

    def stall(self, server_id: ServerId) -> None:
        """Does what libvirt does to a guest whose disk is full: it stands still, and nobody has asked for it."""
        self._domains.set_power(server_id, PowerState.PAUSED, by_user=False)

    def unstall(self, server_id: ServerId) -> None:
        """Lets it continue."""
        self._domains.set_power(server_id, PowerState.RUNNING)

    def power_off_from_inside(self, server_id: ServerId) -> None:
        """Does what a guest does that runs `poweroff`."""
        self._stop(server_id)

    def _before(self, verb: str) -> None:
        self._on_verb(verb)
        if verb in self._hangs:
            self._hangs[verb].wait()
        if verb in self.refusals:
            raise self.refusals[verb]

    def _stop(self, server_id: ServerId) -> None:
        with self._domains.guard:
            self._devices.close(server_id)
            if server_id in self._domains.load():
                self._domains.set_power(server_id, PowerState.SHUTOFF)

    def _write_console(self, xml: str, text: str) -> None:
        log = ET.fromstring(xml).find("devices/serial/log")  # noqa: S314 - written by us
        if log is not None:
            with Path(log.get("file", "/dev/null")).open("a", encoding="utf-8") as console:
                console.write(text)

    def _hold(self, verb: str, server_id: ServerId, power: PowerState) -> None:
        with self._domains.guard:
            domain = self._domains.get(verb, server_id)
            if not is_active(domain):
                raise refused(verb, server_id, NOT_RUNNING)
            if domain["power"] != power:
                self._domains.set_power(server_id, power)
