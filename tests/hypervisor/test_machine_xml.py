"""Domains of every kind of machine, as the files say and as libvirt's schema permits."""

from dataclasses import replace
from pathlib import Path

import libvirt
import pytest

from busway.domain.disk_role import DiskRole
from busway.domain.documents import DesiredCell
from busway.domain.guest_layout import guest_layout
from busway.domain.guest_machine import Machine
from busway.domain.guest_machine.limits import CardLimits, DiskLimits, Limits
from busway.hypervisor import GuestFiles, GuestOptions, domain_xml
from busway.testing.golden import Golden
from tests.hypervisor.test_domain_xml import BRIDGES, server

FOLDER = Path(__file__).parent / "golden"
FILES = GuestFiles(
    Path("/v/s/disk.qcow2"),
    Path("/v/s/config.iso"),
    Path("/v/s/console.log"),
    Path("/v/s/nvram.fd"),
    {role: Path(f"/v/s/{role}.qcow2") for role in DiskRole},
)
MACHINES = {
    "uefi": Machine(firmware="uefi", boot_menu=True, address_mode="passthrough"),
    "secure": Machine(firmware="uefi", secure_boot=True, tpm="2.0", machine_type="pc-q35-7.2"),
    "nested": Machine(viommu="intel", locked_memory=True, address_mode="emulate", address_bits=42),
    "virtio-iommu": Machine(viommu="virtio", tpm="1.2"),
    "hidden": Machine(hide_hypervisor=True, pmu=False, hpet=True, topology=(1, 2, 2)),
    "desktop": Machine(video="vga", video_ram_mb=32, nic_model="e1000e", disk_bus="sata", serial_ports=3),
    "guarded": Machine(watchdog="reset", guest_agent=True, rng_bytes=2048, disk_bus="scsi", multiqueue=True),
    "disks": Machine(ephemeral_gb=20, swap_mb=512),
    "swap": Machine(swap_mb=512, disk_bus="scsi"),
    "quiet": Machine(rng=False, video="none"),
    "limited": Machine(
        limits=Limits(
            2000,
            50000,
            25000,
            DiskLimits(read_iops_sec=500, write_bytes_sec=10485760, write_bytes_sec_max=20971520, size_iops_sec=4096),
            CardLimits(1000, 2000, 3000),
            CardLimits(500),
        ),
        ephemeral_gb=20,
    ),
}


def xml(machine: Machine, **options: str) -> str:
    wanted = replace(server("0000:41:00.0"), machine=machine)
    return domain_xml(wanted, FILES, GuestOptions(bridges=BRIDGES, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MACHINES)
def test_each_machine_is_what_its_file_says(golden: Golden, name: str) -> None:
    golden.check(f"machine-{name}.xml", xml(MACHINES[name]))


def test_a_guest_mirrors_the_root_complexes_of_its_host(golden: Golden) -> None:
    """Two GPUs with a NIC's function beside one, on two nodes; a device whose node is not known stays on the root bus."""
    wanted = server("0000:41:00.0", "0000:42:00.1", "0000:81:00.0", "0000:c1:00.0")
    grants = tuple(replace(grant, node=node) for grant, node in zip(wanted.devices, (0, 0, 1, None), strict=True))
    cells = (DesiredCell(2, 4096, 1, "8-15"), DesiredCell(2, 4096, 0, "0-7"))
    wanted = replace(wanted, devices=grants, cells=cells, machine=Machine(mirror=True))

    golden.check("mirror.xml", domain_xml(wanted, FILES, GuestOptions(bridges=BRIDGES)))
    layout = guest_layout(wanted)
    assert [(root.cell, root.bus) for root in layout.roots] == [(0, 0x40), (1, 0xA0)]
    assert [port.address(slot.function) for slot, port in layout.devices] == [
        "0000:a1:00.0", "0000:a2:00.0", "0000:41:00.0", "0000:01:00.0",
    ]  # fmt: skip
    assert [port.address() for _nic, port in layout.nics] == ["0000:02:00.0"]


def test_without_the_word_or_without_cells_a_guest_is_flat() -> None:
    wanted = server("0000:41:00.0")
    grants = tuple(replace(grant, node=0) for grant in wanted.devices)

    assert guest_layout(replace(wanted, devices=grants, machine=Machine(mirror=True))).roots == ()
    assert guest_layout(replace(wanted, devices=grants, cells=(DesiredCell(4, 8192, 0, "0-7"),))).roots == ()


def test_the_hosts_choice_of_cpu_is_in_its_guests_domains() -> None:
    assert '<cpu mode="host-model" />' in xml(Machine(), cpu="host-model")
    assert "<model>EPYC</model>" in xml(Machine(), cpu="custom", cpu_model="EPYC")
    assert '<cpu mode="maximum" />' in xml(Machine(), virt_type="qemu")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.xml")), ids=lambda path: path.stem)
def test_libvirts_schema_permits_each_file(path: Path) -> None:
    """Libvirt's test driver checks a definition against its schema, and does not know the type kvm."""
    text = (
        path.read_text()
        .replace('<domain type="kvm"', '<domain type="test"')
        .replace('<domain type="qemu"', '<domain type="test"')
    )
    connection = libvirt.open("test:///default")
    try:
        connection.defineXMLFlags(text, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
    except libvirt.libvirtError as error:
        assert error.get_error_code() != libvirt.VIR_ERR_XML_INVALID_SCHEMA, str(error)
        raise
    finally:
        connection.close()


def test_the_schema_does_not_permit_anything() -> None:
    connection = libvirt.open("test:///default")
    broken = (FOLDER / "plain.xml").read_text().replace('type="kvm"', 'type="test"').replace("<acpi />", "<acpy />")
    with pytest.raises(libvirt.libvirtError) as caught:
        connection.defineXMLFlags(broken, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
    connection.close()

    assert caught.value.get_error_code() == libvirt.VIR_ERR_XML_INVALID_SCHEMA
