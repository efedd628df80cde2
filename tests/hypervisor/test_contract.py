"""The hypervisor's contract, for the fake and for the libvirt adapter on libvirt's own test driver."""

from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import HostError, Unavailable
from busway.domain.grant import Grant
from busway.domain.units import WholeFunction
from busway.hardware.handover import take
from busway.hypervisor import GuestFiles, GuestOptions, Hypervisor, domain_xml
from busway.hypervisor.adapter import LibvirtHypervisor
from busway.testing.hypervisor import FakeHypervisor
from busway.testing.hypervisor_contract import SERVER, CopyContract, HypervisorContract, PlugContract, clean
from busway.testing.kernel import FakeKernel
from busway.testing.machines import Machine
from busway.testing.stage import ONE, TWO, desired_server


class TestFake(PlugContract):
    @pytest.fixture
    def hypervisor(self, tmp_path: Path) -> Hypervisor:
        return FakeHypervisor(tmp_path)

    @pytest.fixture
    def devices(self, tmp_path: Path) -> tuple[Grant, ...]:
        gpu = Machine(tmp_path).gpu("0000:41:00.0", group=10)
        take(FakeKernel(tmp_path), WholeFunction(gpu, "10de", "20b5"))
        return (Grant(WholeFunction(gpu, "10de", "20b5")),)


class TestCopyOfFake(CopyContract):
    @pytest.fixture
    def disk(self, tmp_path: Path) -> Path:
        (tmp_path / "disk.qcow2").write_bytes(b"QFI\xfb and what the guest has written")
        return tmp_path / "disk.qcow2"

    @pytest.fixture
    def running(self, tmp_path: Path, disk: Path) -> Hypervisor:
        hypervisor = FakeHypervisor(tmp_path)
        files = GuestFiles(disk, tmp_path / "config.iso", tmp_path / "console.log")
        hypervisor.define(domain_xml(desired_server(SERVER), files, GuestOptions(bridges={"default": "br0"})))
        hypervisor.start(SERVER)
        return hypervisor


class TestLibvirt(HypervisorContract):
    """libvirt's test driver: a real libvirt, its parser and its state machine, without QEMU."""

    @pytest.fixture
    def hypervisor(self) -> Iterator[Hypervisor]:
        hypervisor = LibvirtHypervisor("test:///default")
        clean(hypervisor)
        yield hypervisor
        clean(hypervisor)

    @pytest.fixture
    def options(self) -> GuestOptions:
        return GuestOptions(virt_type="test", bridges={"default": "br0"}, arch="i686", machine="pc")

    @pytest.fixture
    def devices(self) -> tuple[Grant, ...]:
        addresses = ("0000:42:00.0", "0000:42:00.1")
        return tuple(Grant(WholeFunction(PciAddress(address), "10de", "20b5")) for address in addresses)


def test_libvirts_own_words_are_in_the_detail() -> None:
    hypervisor = LibvirtHypervisor("test:///default")

    with pytest.raises(HostError) as caught:
        hypervisor.define("<domain type='test'><name>x</name></domain>")

    assert caught.value.code == "libvirt-refused"
    assert "an os <type> must be specified" in caught.value.detail


def test_a_libvirt_that_is_away_is_unavailable_and_not_a_refusal(tmp_path: Path) -> None:
    hypervisor = LibvirtHypervisor(f"qemu+unix:///system?socket={tmp_path}/none")

    with pytest.raises(Unavailable) as caught:
        hypervisor.domains()

    assert caught.value.code == "libvirt-away"


@pytest.mark.parametrize("name", ["plain.xml", "devices.xml", "emulated.xml", "mediated.xml", "network-cards.xml"])
def test_libvirts_schema_accepts_our_definitions(name: str) -> None:
    xml = (Path(__file__).parent / "golden" / name).read_text()
    connection = libvirt.open("test:///default")

    connection.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE).undefine()


def test_the_adapter_lists_only_domains_with_our_mark() -> None:
    connection = libvirt.open("test:///default")
    assert [domain.name() for domain in connection.listAllDomains()] == ["test"]  # the driver comes with it

    assert LibvirtHypervisor("test:///default").domains() == ()


def test_the_fake_refuses_a_device_that_another_guest_uses(tmp_path: Path) -> None:
    gpu = Machine(tmp_path).gpu("0000:41:00.0", group=10)
    take(FakeKernel(tmp_path), WholeFunction(gpu, "10de", "20b5"))
    hypervisor = FakeHypervisor(tmp_path)
    files = GuestFiles(tmp_path / "d", tmp_path / "c", tmp_path / "l")
    for server_id in (ONE, TWO):
        hypervisor.define(domain_xml(desired_server(server_id, gpu), files, GuestOptions(bridges={"default": "br0"})))
    hypervisor.start(ONE)

    with pytest.raises(HostError, match="in use by driver QEMU, domain busway-11111111"):
        hypervisor.start(TWO)


def test_the_fake_refuses_a_device_that_is_not_on_vfio(tmp_path: Path) -> None:
    gpu = Machine(tmp_path).gpu("0000:41:00.0", group=10)
    hypervisor = FakeHypervisor(tmp_path)
    files = GuestFiles(tmp_path / "d", tmp_path / "c", tmp_path / "l")
    hypervisor.define(domain_xml(desired_server(ONE, gpu), files, GuestOptions(bridges={"default": "br0"})))

    with pytest.raises(HostError, match="not bound to vfio-pci"):
        hypervisor.start(ONE)


@pytest.mark.parametrize(
    "name", ["plain", "devices", "emulated", "cells", "mediated", "rescued", "rescued-usb", "network-cards"]
)
def test_libvirts_own_schema_accepts_what_is_written(name: str) -> None:
    text = (Path(__file__).parent / "golden" / f"{name}.xml").read_text("utf-8")
    connection = libvirt.open("test:///default")
    try:
        defined = connection.defineXMLFlags(text, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
        assert defined.name() == "busway-3f2c1d5e"
        defined.undefine()
    finally:
        connection.close()
