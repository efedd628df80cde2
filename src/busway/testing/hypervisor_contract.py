"""What every hypervisor must do: the suite that the fake passes, libvirt's test driver, and a real QEMU host.

A test module subclasses `HypervisorContract` and overrides the fixtures `hypervisor` and, where it needs others,
`options`, `files` and `devices`.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.domain.console import ConsoleKind
from busway.domain.documents import DesiredServer, Nic
from busway.domain.errors import HostError
from busway.domain.grant import Attachment, Grant
from busway.domain.ids import ClaimId, PortId, ServerId
from busway.domain.server import PowerState
from busway.domain.units import WholeFunction
from busway.hypervisor.guest import GuestFiles, GuestOptions, SpiceOptions
from busway.hypervisor.seam import DomainSeen, Hypervisor
from busway.hypervisor.xml import card_xml, domain_name, domain_xml
from busway.testing.stage import desired_server

SERVER = ServerId("c0ffee00-0000-4000-8000-000000000001")
UNKNOWN = ServerId("c0ffee00-0000-4000-8000-00000000dead")


class CopyContract:
    """What a hypervisor that runs guests does with their disks; the server of the fixture `running` is left to its fixture."""

    @pytest.fixture
    def running(self) -> Hypervisor:
        """A hypervisor whose guest SERVER runs on the disk of the fixture `disk`."""
        raise NotImplementedError

    @pytest.fixture
    def disk(self) -> Path:
        """The disk of that guest."""
        raise NotImplementedError

    def test_the_disk_of_a_guest_that_runs_is_copied_and_the_guest_runs_on(
        self, running: Hypervisor, disk: Path
    ) -> None:
        """The copy is whole; a second one may follow."""
        for _ in range(2):
            target = disk.with_name("copy.qcow2")
            target.unlink(missing_ok=True)
            running.begin_copy(SERVER, disk, target)
            until_copied(running)
            assert target.read_bytes()[:4] == b"QFI\xfb"
            assert _power(running) is PowerState.RUNNING

    def test_a_copy_is_given_up_and_twice_is_harmless(self, running: Hypervisor, disk: Path) -> None:
        """Then another one is begun."""
        target = disk.with_name("copy.qcow2")
        running.begin_copy(SERVER, disk, target)
        for _ in range(2):
            running.end_copy(SERVER)
        target.unlink(missing_ok=True)
        running.begin_copy(SERVER, disk, target)
        until_copied(running)
        running.end_copy(UNKNOWN)

    def test_the_copy_of_a_guest_that_ends_has_failed(self, running: Hypervisor, disk: Path) -> None:
        """It is not told as whole, and none is begun of a guest that is off."""
        running.begin_copy(SERVER, disk, disk.with_name("copy.qcow2"))
        running.destroy(SERVER)
        with pytest.raises(HostError, match="copy"):
            running.is_copied(SERVER)
        with pytest.raises(HostError, match="copy"):
            running.begin_copy(SERVER, disk, disk.with_name("other.qcow2"))

    def test_a_disk_that_the_guest_has_not_is_not_copied(self, running: Hypervisor, disk: Path) -> None:
        """Another file of the host is none of its disks."""
        with pytest.raises(HostError) as caught:
            running.begin_copy(SERVER, disk.with_name("other"), disk.with_name("copy.qcow2"))
        assert "has no disk" in caught.value.detail

    def test_a_guest_without_an_agent_is_not_frozen(self, running: Hypervisor) -> None:
        """The hypervisor says so in its own words."""
        with pytest.raises(HostError):
            running.freeze(SERVER, 1)


def until_copied(hypervisor: Hypervisor) -> None:
    """Waits until the copy of the server's disk is whole."""
    deadline = time.monotonic() + 60
    while not hypervisor.is_copied(SERVER):
        assert time.monotonic() < deadline, "the copy did not end"
        time.sleep(0.05)


class HypervisorContract:
    """Each test leaves the hypervisor without the contract's server."""

    @pytest.fixture
    def hypervisor(self) -> Hypervisor:
        """The hypervisor to be tried."""
        raise NotImplementedError

    @pytest.fixture
    def options(self) -> GuestOptions:
        """What guests look like there."""
        return GuestOptions(bridges={"default": "br0"})

    @pytest.fixture
    def files(self, tmp_path: Path) -> GuestFiles:
        """Where the guest's files are; QEMU needs real ones."""
        return GuestFiles(tmp_path / "disk.qcow2", tmp_path / "config.iso", tmp_path / "console.log")

    @pytest.fixture
    def devices(self) -> tuple[Grant, ...]:
        """Devices that are bound to vfio-pci already."""
        return ()

    @pytest.fixture
    def server(self, devices: tuple[Grant, ...]) -> DesiredServer:
        """The server of the contract."""
        return replace(desired_server(SERVER), devices=devices, ram_mb=128, vcpus=1)

    @pytest.fixture
    def defined(
        self, hypervisor: Hypervisor, server: DesiredServer, files: GuestFiles, options: GuestOptions
    ) -> Hypervisor:
        """A hypervisor that knows the server."""
        hypervisor.define(domain_xml(server, files, options))
        return hypervisor

    @pytest.fixture
    def plain(
        self, hypervisor: Hypervisor, server: DesiredServer, files: GuestFiles, options: GuestOptions
    ) -> Hypervisor:
        """One that knows it without its devices: what is in a device can't be saved."""
        hypervisor.define(domain_xml(replace(server, devices=()), files, options))
        return hypervisor

    def test_facts_tell_of_the_host(self, hypervisor: Hypervisor) -> None:
        """The totals are positive and the version is libvirt's number."""
        facts = hypervisor.facts()
        assert facts.vcpus > 0
        assert facts.ram_mb > 0
        assert facts.version > 0
        assert facts.virt_types

    def test_a_defined_domain_is_listed_off_with_its_devices(
        self, defined: Hypervisor, devices: tuple[Grant, ...], server: DesiredServer
    ) -> None:
        """The mark, the name, the power, the devices and the cards are read back."""
        attached = tuple(Attachment(grant.unit.name, grant.claim_id) for grant in devices)
        cards = tuple(nic.mac for nic in server.nics)
        assert _find(defined) == DomainSeen(SERVER, domain_name(SERVER), PowerState.SHUTOFF, attached, cards=cards)

    def test_defining_again_replaces(
        self, defined: Hypervisor, server: DesiredServer, files: GuestFiles, options: GuestOptions
    ) -> None:
        """The second definition counts."""
        other = Grant(WholeFunction(PciAddress("0000:7f:00.0")), ClaimId("c0ffee00-0000-4000-8000-0000000c1a13"))
        defined.define(domain_xml(replace(server, devices=(other,)), files, options))
        seen = _find(defined)
        assert seen is not None
        assert seen.attached == (Attachment(other.unit.name, other.claim_id),)

    def test_a_domain_starts_and_starting_twice_is_harmless(self, defined: Hypervisor) -> None:
        """Start is idempotent."""
        defined.start(SERVER)
        defined.start(SERVER)
        assert _power(defined) is PowerState.RUNNING

    def test_a_guest_that_runs_has_a_serial_console_and_one_that_is_off_has_none(
        self, defined: Hypervisor, files: GuestFiles
    ) -> None:
        """The socket is where the definition says."""
        assert defined.consoles(SERVER) == {}
        defined.start(SERVER)
        assert defined.consoles(SERVER)[ConsoleKind.SERIAL] == files.serial
        assert defined.consoles(UNKNOWN) == {}

    def test_a_guest_that_runs_tells_where_its_spice_screen_listens(
        self, hypervisor: Hypervisor, server: DesiredServer, files: GuestFiles, options: GuestOptions
    ) -> None:
        """At the address of its definition; the ports are the hypervisor's choice."""
        hypervisor.define(domain_xml(server, files, replace(options, spice=SpiceOptions("127.0.0.1"))))
        assert hypervisor.spice(SERVER) is None
        hypervisor.start(SERVER)
        found = hypervisor.spice(SERVER)
        assert found is not None and found.host == "127.0.0.1"
        assert hypervisor.spice(UNKNOWN) is None

    def test_a_guest_that_runs_is_counted(self, defined: Hypervisor, server: DesiredServer) -> None:
        """Its memory, vCPUs, cards and disks are those of its definition, whatever a driver counts of them."""
        defined.start(SERVER)
        found = defined.diagnostics(SERVER)
        assert (found.memory_mb, len(found.cpu_times)) == (server.ram_mb, server.vcpus)
        assert [nic.mac for nic in found.nics] == [nic.mac for nic in server.nics]
        assert "vda" in [disk.name for disk in found.disks]
        with pytest.raises(HostError, match=UNKNOWN):
            defined.diagnostics(UNKNOWN)

    def test_a_guest_without_an_agents_channel_has_nobody_to_ask(self, defined: Hypervisor) -> None:
        """The hypervisor's words say so, not the guest's."""
        defined.start(SERVER)
        with pytest.raises(HostError, match=SERVER):
            defined.ask_guest(SERVER, '{"execute":"guest-ping"}', 1)

    def test_a_guest_gets_an_interrupt_only_while_it_runs_or_is_paused(self, defined: Hypervisor) -> None:
        """What it makes of it is its own."""
        with pytest.raises(HostError, match=SERVER):
            defined.inject_nmi(SERVER)
        defined.start(SERVER)
        defined.inject_nmi(SERVER)
        defined.pause(SERVER)
        defined.inject_nmi(SERVER)

    def test_a_domain_is_destroyed_and_twice_is_harmless(self, defined: Hypervisor) -> None:
        """Destroy is idempotent."""
        defined.start(SERVER)
        defined.destroy(SERVER)
        defined.destroy(SERVER)
        assert _power(defined) is PowerState.SHUTOFF

    def test_shutting_down_a_domain_that_is_off_is_harmless(self, defined: Hypervisor) -> None:
        """Shutdown of an idle domain does nothing."""
        defined.shutdown(SERVER)
        assert _power(defined) is PowerState.SHUTOFF

    def test_a_hard_reboot_leaves_it_running_whether_it_ran_or_not(self, defined: Hypervisor) -> None:
        """A hard reboot that was cut in its middle ends with a running guest."""
        defined.reboot(SERVER, hard=True)
        defined.reboot(SERVER, hard=True)
        assert _power(defined) is PowerState.RUNNING

    def test_a_soft_reboot_of_a_domain_that_is_off_is_harmless(self, defined: Hypervisor) -> None:
        """The guest may have powered off while the reboot was on its way."""
        defined.reboot(SERVER, hard=False)
        assert _power(defined) is PowerState.SHUTOFF

    def test_a_guest_pauses_and_goes_on_and_each_twice_is_harmless(self, defined: Hypervisor) -> None:
        """A paused guest is told apart from one that QEMU has stopped."""
        defined.start(SERVER)
        for _ in range(2):
            defined.pause(SERVER)
        seen = _find(defined)
        assert seen is not None
        assert (seen.power, seen.paused) == (PowerState.PAUSED, True)
        for _ in range(2):
            defined.unpause(SERVER)
        seen = _find(defined)
        assert seen is not None
        assert (seen.power, seen.paused) == (PowerState.RUNNING, False)

    def test_starting_a_paused_guest_leaves_it_paused(self, defined: Hypervisor) -> None:
        """It runs already, as far as its start goes."""
        defined.start(SERVER)
        defined.pause(SERVER)
        defined.start(SERVER)
        assert _power(defined) is PowerState.PAUSED

    def test_a_guest_that_is_off_can_t_be_paused(self, defined: Hypervisor) -> None:
        """Nothing stands still that does not run."""
        with pytest.raises(HostError, match=SERVER):
            defined.pause(SERVER)

    def test_a_guest_is_saved_and_goes_on_when_it_is_started(self, plain: Hypervisor) -> None:
        """Saving twice is harmless; the file is gone once the guest runs."""
        plain.start(SERVER)
        for _ in range(2):
            plain.save(SERVER)
        seen = _find(plain)
        assert seen is not None
        assert (seen.power, seen.saved) == (PowerState.SHUTOFF, True)
        plain.start(SERVER)
        seen = _find(plain)
        assert seen is not None
        assert (seen.power, seen.saved) == (PowerState.RUNNING, False)

    def test_saved_memory_is_forgotten_and_twice_is_harmless(self, plain: Hypervisor) -> None:
        """The next start is a boot."""
        plain.start(SERVER)
        plain.save(SERVER)
        for _ in range(2):
            plain.forget_saved(SERVER)
        seen = _find(plain)
        assert seen is not None
        assert not seen.saved

    def test_saved_memory_goes_with_its_domain(self, plain: Hypervisor) -> None:
        """A domain of the same server that comes later boots."""
        plain.start(SERVER)
        plain.save(SERVER)
        plain.undefine(SERVER)
        assert _find(plain) is None

    def test_undefining_makes_it_unknown_and_twice_is_harmless(self, defined: Hypervisor) -> None:
        """Undefine is idempotent."""
        defined.undefine(SERVER)
        defined.undefine(SERVER)
        assert _find(defined) is None

    def test_an_unknown_server_is_refused_by_name(self, hypervisor: Hypervisor) -> None:
        """The error names the server, and carries the hypervisor's words."""
        with pytest.raises(HostError, match=UNKNOWN) as caught:
            hypervisor.start(UNKNOWN)
        assert caught.value.detail

    def test_destroying_and_undefining_the_unknown_is_harmless(self, hypervisor: Hypervisor) -> None:
        """A teardown may find nothing."""
        hypervisor.destroy(UNKNOWN)
        hypervisor.undefine(UNKNOWN)


class PlugContract(HypervisorContract):
    """What a hypervisor must do that changes guests while they run; libvirt's test driver does not."""

    @pytest.fixture
    def server(self, devices: tuple[Grant, ...]) -> DesiredServer:
        """A server with a spare root port."""
        return replace(desired_server(SERVER), devices=devices, ram_mb=128, vcpus=1, spare_ports=1)

    def test_a_card_is_plugged_into_a_guest_that_runs_and_its_definition_stays(
        self, defined: Hypervisor, server: DesiredServer, options: GuestOptions
    ) -> None:
        """What is listed of a guest that runs is what it has now."""
        more = _with_card(server)
        defined.start(SERVER)
        defined.plug(SERVER, card_xml(more, more.nics[-1], options))
        seen = _find(defined)
        assert seen is not None
        assert seen.cards == tuple(nic.mac for nic in more.nics)
        defined.destroy(SERVER)
        seen = _find(defined)
        assert seen is not None
        assert seen.cards == tuple(nic.mac for nic in server.nics)

    def test_nothing_is_plugged_into_a_root_port_that_is_taken(
        self, defined: Hypervisor, server: DesiredServer, options: GuestOptions
    ) -> None:
        """The place of a card is the one that its definition gives it."""
        nic = replace(server.nics[0], mac="52:54:00:00:00:09", port=PortId("9" * 36))
        defined.start(SERVER)
        with pytest.raises(HostError, match=SERVER):
            defined.plug(SERVER, card_xml(replace(server, nics=(nic,)), nic, options))

    def test_nothing_is_plugged_into_a_guest_that_is_off(
        self, defined: Hypervisor, server: DesiredServer, options: GuestOptions
    ) -> None:
        """There is nothing that could take it."""
        more = _with_card(server)
        with pytest.raises(HostError, match=SERVER):
            defined.plug(SERVER, card_xml(more, more.nics[-1], options))

    def test_asking_for_what_a_guest_has_not_is_harmless(self, defined: Hypervisor) -> None:
        """It may have let go of it since it was looked at."""
        defined.ask_out(SERVER, "52:54:00:00:00:09")
        defined.start(SERVER)
        defined.ask_out(SERVER, "52:54:00:00:00:09")


def _with_card(server: DesiredServer) -> DesiredServer:
    return replace(server, nics=(*server.nics, Nic("52:54:00:00:00:02", "10.0.0.6", 24, port=PortId("7" * 36))))


def clean(hypervisor: Hypervisor) -> None:
    """Removes the contract's server; for the teardown of the `hypervisor` fixture."""
    hypervisor.destroy(SERVER)
    hypervisor.undefine(SERVER)


def _find(hypervisor: Hypervisor) -> DomainSeen | None:
    return next((seen for seen in hypervisor.domains() if seen.server_id == SERVER), None)


def _power(hypervisor: Hypervisor) -> PowerState | None:
    seen = _find(hypervisor)
    return seen.power if seen else None
