"""The libvirt adapter: a hypervisor behind libvirt, whose errors leave as `HostError` with libvirt's words in `detail`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import libvirt
import libvirt_qemu

from busway.domain.console import ConsoleKind, SpiceEnds
from busway.domain.diagnostics import Diagnostics
from busway.domain.errors import Unavailable
from busway.domain.ids import ServerId
from busway.domain.live_move import LiveProgress
from busway.hypervisor.capabilities import guest_owner
from busway.hypervisor.connection import Connection, away, refused
from busway.hypervisor.disk_copy import begin_copy, end_copy, is_copied
from busway.hypervisor.domain_state import read_counters, read_domain, read_sockets, read_spice_ends
from busway.hypervisor.handing_over import hand_over
from busway.hypervisor.host_facts import read_facts
from busway.hypervisor.live import LiveDefinition, LiveWatch, LiveWay
from busway.hypervisor.live_cpu import check_cpu, read_definition
from busway.hypervisor.seam import DomainSeen, HypervisorFacts
from busway.hypervisor.xml import find_device


class LibvirtHypervisor:
    """A hypervisor behind a libvirt URI, such as qemu:///system; it connects when it is first asked."""

    def __init__(self, uri: str = "qemu:///system") -> None:
        self._connection = Connection(uri)
        self._ask = self._connection.ask
        self._act = self._connection.act
        self._act_if_there = self._connection.act_if_there

    def facts(self) -> HypervisorFacts:
        """Asks libvirt for its version, the host's capabilities and totals."""
        return self._ask("describe the host", read_facts)

    def domains(self) -> tuple[DomainSeen, ...]:
        """Reads each domain's state and its definition."""
        found = self._ask("list the domains", lambda connection: [read_domain(d) for d in connection.listAllDomains()])
        return tuple(sorted((seen for seen in found if seen is not None), key=lambda seen: seen.server_id))

    def consoles(self, server_id: ServerId) -> Mapping[ConsoleKind, Path]:
        """Reads the running definition, in which libvirt has named the sockets."""
        return self._ask(
            f"find the consoles of server {server_id}", lambda connection: read_sockets(connection, server_id)
        )

    def spice(self, server_id: ServerId) -> SpiceEnds | None:
        """Reads the running definition, in which libvirt has named the ports."""
        return self._ask(
            f"find the SPICE screen of server {server_id}", lambda connection: read_spice_ends(connection, server_id)
        )

    def diagnostics(self, server_id: ServerId) -> Diagnostics:
        """Asks for the domain's statistics, as `virsh domstats` shows them."""
        return self._act("read the counters of", server_id, read_counters)

    def define(self, xml: str) -> None:
        """Hands the definition to libvirt, which checks it against its schema."""
        self._ask("define a domain", lambda connection: connection.defineXML(xml))

    def start(self, server_id: ServerId) -> None:
        """Starts the domain unless it runs."""
        self._act("start", server_id, lambda domain: None if domain.isActive() else domain.create())

    def shutdown(self, server_id: ServerId) -> None:
        """Presses the guest's power button."""
        self._act("shut down", server_id, lambda domain: domain.shutdown() if domain.isActive() else None)

    def destroy(self, server_id: ServerId) -> None:
        """Ends QEMU; libvirt sends SIGTERM, then SIGKILL after some seconds."""
        self._act_if_there("destroy", server_id, lambda domain: domain.destroy() if domain.isActive() else None)

    def reboot(self, server_id: ServerId, *, hard: bool) -> None:
        """Presses reset, or by force ends and starts QEMU."""
        self._act("reboot", server_id, _reboot_hard if hard else _reboot_soft)

    def plug(self, server_id: ServerId, xml: str) -> None:
        """Attaches to the running guest alone: its definition is replaced as a whole."""
        self._act(
            "plug a device into",
            server_id,
            lambda domain: domain.attachDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE),
        )

    def ask_out(self, server_id: ServerId, thing: str) -> None:
        """Detaches what the running definition calls so; libvirt waits some seconds for the guest, and then lets it be."""
        self._act("unplug a device from", server_id, lambda domain: _ask_out(domain, thing))

    def inject_nmi(self, server_id: ServerId) -> None:
        """Sends it to all vCPUs (virDomainInjectNMI, which takes no flags)."""
        self._act("send an interrupt to", server_id, lambda domain: domain.injectNMI(0))

    def pause(self, server_id: ServerId) -> None:
        """Stops the vCPUs unless they stand still."""
        self._act("pause", server_id, lambda domain: None if _is_paused(domain) else domain.suspend())

    def unpause(self, server_id: ServerId) -> None:
        """Lets the vCPUs continue unless they run."""
        self._act("unpause", server_id, lambda domain: domain.resume() if _is_paused(domain) else None)

    def save(self, server_id: ServerId) -> None:
        """Saves by libvirt's managed save, which belongs to the domain and goes with it."""
        self._act("save the memory of", server_id, _save)

    def forget_saved(self, server_id: ServerId) -> None:
        """Removes a managed save."""
        self._act_if_there("forget the saved memory of", server_id, _forget_saved)

    def begin_copy(self, server_id: ServerId, disk: Path, target: Path) -> None:
        """Begins a push backup of one disk: QEMU keeps what the guest overwrites meanwhile, so the copy is of one moment."""
        self._act("copy a disk of", server_id, lambda domain: begin_copy(domain, disk, target))

    def is_copied(self, server_id: ServerId) -> bool:
        """Asks for the job, and once it is over for how it ended."""
        return self._act("copy a disk of", server_id, is_copied)

    def end_copy(self, server_id: ServerId) -> None:
        """Aborts the job, and reads back that it is over."""
        self._act_if_there("give up the copy of a disk of", server_id, end_copy)

    def freeze(self, server_id: ServerId, seconds: int) -> None:
        """Asks the agent in the guest, with a time limit: libvirt's own call has none."""
        self.ask_guest(server_id, '{"execute": "guest-fsfreeze-freeze"}', seconds)

    def thaw(self, server_id: ServerId, seconds: int) -> None:
        """Asks it again."""
        self.ask_guest(server_id, '{"execute": "guest-fsfreeze-thaw"}', seconds)

    def undefine(self, server_id: ServerId) -> None:
        """Removes the definition, a saved state that libvirt-guests may have made, and the variables of UEFI."""
        self._act_if_there("undefine", server_id, _undefine)

    def ask_guest(self, server_id: ServerId, command: str, seconds: int) -> str:
        """Hands a command to the agent in a guest and returns its answer, both as JSON; raises `HostError` at the time limit."""
        return self._act(
            "ask the agent in the guest of",
            server_id,
            lambda domain: str(libvirt_qemu.qemuAgentCommand(domain, command, seconds, 0)),
        )

    def driver_socket(self) -> Path:
        """The socket of the URI, or libvirt's usual one of a modular or a monolithic daemon."""
        given = parse_qs(urlsplit(self._connection.uri).query).get("socket")
        if given:
            return Path(given[0])
        modular = Path("/run/libvirt/virtqemud-sock")
        return modular if modular.exists() else Path("/run/libvirt/libvirt-sock")

    def guest_owner(self) -> tuple[int, int]:
        """The label of libvirt's driver for file owners; root where it has none."""
        return guest_owner(self._ask("describe the host", lambda connection: str(connection.getCapabilities())))

    def describe_live(self, server_id: ServerId) -> LiveDefinition:
        """Reads the definition of a running guest as libvirt gives it for another host."""
        return self._act("read the running definition of", server_id, read_definition)

    def check_cpu(self, wanted: LiveDefinition) -> None:
        """By libvirt's own comparison; an emulated CPU is as QEMU's release makes it."""
        self._ask("compare the guest's CPU with the host's", lambda connection: check_cpu(connection, wanted))

    def hand_over(self, server_id: ServerId, way: LiveWay, watch: LiveWatch) -> LiveProgress:
        """By a connection of its own, which ends with it: libvirt's answer comes when all is copied."""
        try:
            connection = libvirt.open(self._connection.uri)
            other = libvirt.open(self._connection.uri)
        except libvirt.libvirtError as error:
            raise away(self._connection.uri, f"hand over server {server_id}", error) from error
        try:
            return hand_over(connection, other, server_id, way, watch)
        except libvirt.libvirtError as error:
            raise refused(f"hand over server {server_id}", error) from error
        finally:
            for each in (connection, other):
                with suppress(libvirt.libvirtError):
                    each.close()


def _ask_out(domain: Any, thing: str) -> None:
    element = find_device(domain.XMLDesc(0), thing) if domain.isActive() else None
    if element is None:
        return
    try:
        domain.detachDeviceFlags(element, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    except libvirt.libvirtError as error:
        # A guest that was asked before and has not answered yet; or one that has let go since the look.
        if "in the process of unplug" in str(error) or error.get_error_code() == libvirt.VIR_ERR_DEVICE_MISSING:
            return
        raise


def _is_paused(domain: Any) -> bool:
    return bool(domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED)


def _save(domain: Any) -> None:
    """Saves a guest so that it runs when it is restored, though an earlier try that was cut may have left it paused."""
    if not domain.isActive():
        return
    try:
        domain.managedSave(libvirt.VIR_DOMAIN_SAVE_RUNNING)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_OPERATION_TIMEOUT:  # another job of the domain is under way
            raise Unavailable(
                "libvirt is busy with this domain",
                detail=str(error.get_error_message() or error),
                remedy="Wait: the agent asks again.",
                code="libvirt-busy",
            ) from error
        raise


def _forget_saved(domain: Any) -> None:
    if domain.hasManagedSaveImage():
        domain.managedSaveRemove()


def _undefine(domain: Any) -> None:
    """Libvirt undefines no UEFI guest without the second flag, and its test driver knows none."""
    flags = libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    if "<nvram" in domain.XMLDesc(0):
        flags |= libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    domain.undefineFlags(flags)


def _reboot_soft(domain: Any) -> None:
    if domain.isActive():
        domain.reboot(0)


def _reboot_hard(domain: Any) -> None:
    if domain.isActive():
        domain.destroy()
    domain.create()
