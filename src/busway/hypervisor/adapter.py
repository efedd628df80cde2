"""The libvirt adapter: the only module that speaks libvirt.

libvirt prints each error to stderr unless a handler is set, and a connection dies when libvirtd restarts: both are
dealt with here, and every libvirtError leaves as a `HostError` with libvirt's own words in `detail`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import libvirt
import libvirt_qemu

from busway.domain.console import ConsoleKind
from busway.domain.errors import HostError, Unavailable
from busway.domain.ids import ServerId
from busway.domain.server import PowerState
from busway.hypervisor.capabilities import (
    architecture,
    cpu_features,
    cpu_model,
    guest_kinds,
    machine_words,
    virt_types,
)
from busway.hypervisor.seam import DomainSeen, HypervisorFacts
from busway.hypervisor.xml import read_attachments, read_consoles, read_server_id

_T = TypeVar("_T")

_POWER = {
    libvirt.VIR_DOMAIN_RUNNING: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_BLOCKED: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_SHUTDOWN: PowerState.RUNNING,  # shutting down: QEMU still has its devices
    libvirt.VIR_DOMAIN_PAUSED: PowerState.PAUSED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: PowerState.PAUSED,
    libvirt.VIR_DOMAIN_CRASHED: PowerState.CRASHED,
    libvirt.VIR_DOMAIN_SHUTOFF: PowerState.SHUTOFF,
}


class LibvirtHypervisor:
    """A hypervisor behind a libvirt URI, such as qemu:///system; it connects when it is first asked."""

    def __init__(self, uri: str = "qemu:///system") -> None:
        self._uri = uri
        self._connection: Any = None
        self._opening = threading.Lock()
        libvirt.registerErrorHandler(lambda _context, _error: None, None)

    def facts(self) -> HypervisorFacts:
        """Asks libvirt for its version, the host's capabilities and totals."""
        return self._ask("describe the host", self._facts)

    def domains(self) -> tuple[DomainSeen, ...]:
        """Reads each domain's state and its definition."""
        found = self._ask("list the domains", lambda connection: [_see(d) for d in connection.listAllDomains()])
        return tuple(sorted((seen for seen in found if seen is not None), key=lambda seen: seen.server_id))

    def consoles(self, server_id: ServerId) -> Mapping[ConsoleKind, Path]:
        """Reads the running definition, in which libvirt has named the sockets."""
        return self._ask(
            f"find the consoles of server {server_id}", lambda connection: _consoles(connection, server_id)
        )

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
        self._act("destroy", server_id, lambda domain: domain.destroy() if domain.isActive() else None, absent_ok=True)

    def reboot(self, server_id: ServerId, *, hard: bool) -> None:
        """Presses reset, or by force ends and starts QEMU."""
        self._act("reboot", server_id, _reboot_hard if hard else _reboot_soft)

    def pause(self, server_id: ServerId) -> None:
        """Stops the vCPUs unless they stand still."""
        self._act("pause", server_id, lambda domain: None if _is_paused(domain) else domain.suspend())

    def unpause(self, server_id: ServerId) -> None:
        """Lets the vCPUs go on unless they run."""
        self._act("unpause", server_id, lambda domain: domain.resume() if _is_paused(domain) else None)

    def save(self, server_id: ServerId) -> None:
        """Saves by libvirt's managed save, which belongs to the domain and goes with it."""
        self._act("save the memory of", server_id, _save)

    def forget_saved(self, server_id: ServerId) -> None:
        """Removes a managed save."""
        self._act("forget the saved memory of", server_id, _forget_saved, absent_ok=True)

    def undefine(self, server_id: ServerId) -> None:
        """Removes the definition, a saved state that libvirt-guests may have made, and the variables of UEFI."""
        self._act("undefine", server_id, _undefine, absent_ok=True)

    def ask_guest(self, server_id: ServerId, command: str, seconds: int) -> str:
        """Hands a command to the agent in a guest and returns its answer, both as JSON; raises `HostError` at the time limit."""
        answers: list[str] = []

        def ask(domain: Any) -> None:
            answers.append(str(libvirt_qemu.qemuAgentCommand(domain, command, seconds, 0)))

        self._act("ask the agent in the guest of", server_id, ask)
        return answers[-1]

    def _facts(self, connection: Any) -> HypervisorFacts:
        capabilities = connection.getCapabilities()
        info = connection.getInfo()
        return HypervisorFacts(
            type=connection.getType(),
            version=connection.getVersion(),
            vcpus=info[2],
            ram_mb=info[1],
            cpu_model=cpu_model(capabilities),
            virt_types=virt_types(capabilities),
            architecture=architecture(capabilities),
            cpu_features=cpu_features(capabilities),
            guests=guest_kinds(capabilities),
            machine=machine_words(self._guest_capabilities(connection)),
        )

    def _guest_capabilities(self, connection: Any) -> str:
        """What guests of a q35 machine may have, "" where the driver does not tell (libvirt's test driver)."""
        try:
            return str(connection.getDomainCapabilities(None, None, "q35", None))
        except libvirt.libvirtError:
            if self._alive():
                return ""  # a host without them has guests all the same
            raise

    def _act(self, verb: str, server_id: ServerId, act: Callable[[Any], object], *, absent_ok: bool = False) -> None:
        def on_domain(connection: Any) -> None:
            try:
                domain = connection.lookupByUUIDString(server_id)
            except libvirt.libvirtError as error:
                if absent_ok and error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                    return
                raise
            act(domain)

        self._ask(f"{verb} server {server_id}", on_domain)

    def _ask(self, doing: str, act: Callable[[Any], _T]) -> _T:
        """Runs `act`; when the connection died (libvirtd was restarted), connects again and runs it once more."""
        try:
            return act(self._connected())
        except libvirt.libvirtError as error:
            if self._alive():
                raise _refused(doing, error) from error
        try:
            return act(self._connected())
        except libvirt.libvirtError as error:
            raise (_refused(doing, error) if self._alive() else _away(self._uri, doing, error)) from error

    def _connected(self) -> Any:
        with self._opening:  # several workers ask, and one of them connects
            if not self._alive():
                self._connection = libvirt.open(self._uri)
            return self._connection

    def _alive(self) -> bool:
        try:
            return self._connection is not None and bool(self._connection.isAlive())
        except libvirt.libvirtError:
            return False


def _see(domain: Any) -> DomainSeen | None:
    try:
        xml = domain.XMLDesc(0)
        server_id = read_server_id(xml)
        if server_id is None:
            return None
        state, reason = domain.state()
        paused = state == libvirt.VIR_DOMAIN_PAUSED and reason == libvirt.VIR_DOMAIN_PAUSED_USER
        # After the state: a guest that is off since it was saved has its file by now.
        saved = not domain.isActive() and bool(domain.hasManagedSaveImage())
        power = _POWER.get(state, PowerState.SHUTOFF)
        return DomainSeen(server_id, domain.name(), power, read_attachments(xml), paused, saved)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:  # undefined while we looked
            return None
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


def _consoles(connection: Any, server_id: ServerId) -> Mapping[ConsoleKind, Path]:
    try:
        domain = connection.lookupByUUIDString(server_id)
        return read_consoles(domain.XMLDesc(0)) if domain.isActive() else {}
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return {}
        raise


def _reboot_soft(domain: Any) -> None:
    if domain.isActive():
        domain.reboot(0)


def _reboot_hard(domain: Any) -> None:
    if domain.isActive():
        domain.destroy()
    domain.create()


def _refused(doing: str, error: libvirt.libvirtError) -> HostError:
    return HostError(
        f"libvirt could not {doing}",
        detail=str(error.get_error_message() or error),
        remedy="Read QEMU's messages in the domain's log under /var/log/libvirt/qemu.",
        code="libvirt-refused",
    )


def _away(uri: str, doing: str, error: libvirt.libvirtError) -> Unavailable:
    return Unavailable(
        f"libvirt at {uri} can't be reached to {doing}",
        detail=str(error.get_error_message() or error),
        remedy="Start libvirtd (`systemctl start libvirtd`); the agent retries automatically.",
        code="libvirt-away",
    )
