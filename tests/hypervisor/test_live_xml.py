"""The definition of a guest that arrives: its own machine on this host's files, and nothing that reaches beyond the guest."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from busway.domain.errors import HostError
from busway.domain.guest_machine import Machine
from busway.domain.guest_machine.limits import CardLimits, DiskLimits, Limits
from busway.domain.guest_network import OVERLAY
from busway.hypervisor import GuestFiles, GuestOptions, domain_xml
from busway.hypervisor.guest import SpiceOptions
from busway.hypervisor.xml.live import arriving_xml, disks_to_copy
from busway.testing.stage import ONE, TWO, desired_server

OPTIONS = GuestOptions(bridges={"default": "br0"})


def files(folder: str) -> GuestFiles:
    return GuestFiles(Path(folder) / "disk.qcow2", Path(folder) / "config.iso", Path(folder) / "console.log")


def theirs(**changes: object) -> str:
    return domain_xml(replace(desired_server(ONE), **changes), files("/their"), OPTIONS)  # type: ignore[arg-type]


def mine() -> str:
    return domain_xml(desired_server(ONE), files("/my"), GuestOptions(bridges={"default": "br7"}))


def with_device(extra: str) -> str:
    return theirs().replace("</devices>", f"{extra}</devices>")


def test_files_and_bridges_are_those_of_this_host_and_the_machine_is_the_sources() -> None:
    given = theirs().replace('machine="q35"', 'machine="pc-q35-7.2"')
    found = arriving_xml(given, mine())

    assert "/their" not in found
    assert "br0" not in found
    root = ET.fromstring(found)
    assert [source.get("file") for source in root.iterfind("devices/disk/source")] == [
        "/my/disk.qcow2",
        "/my/config.iso",
    ]
    assert [source.get("bridge") for source in root.iterfind("devices/interface/source")] == ["br7"]
    kind = root.find("os/type")
    assert kind is not None
    assert kind.get("machine") == "pc-q35-7.2"
    assert disks_to_copy(found) == ("vda",)


def test_a_spice_screen_listens_where_this_host_says() -> None:
    here = replace(OPTIONS, spice=SpiceOptions("192.0.2.2", secure=True))
    there = replace(OPTIONS, spice=SpiceOptions("192.0.2.1"))
    given = domain_xml(desired_server(ONE), files("/their"), there).replace(
        'autoport="yes"', 'port="5933" autoport="yes"'
    )
    own = domain_xml(desired_server(ONE), files("/my"), here)

    [screen] = ET.fromstring(arriving_xml(given, own)).findall("devices/graphics[@type='spice']")

    assert screen.attrib == {"type": "spice", "autoport": "yes", "defaultMode": "secure"}
    assert [listen.get("address") for listen in screen] == ["192.0.2.2"]
    with pytest.raises(HostError) as caught:
        arriving_xml(given, mine())
    assert "--spice-listen" in caught.value.detail or "channel" in caught.value.detail
    assert "spice" not in arriving_xml(theirs(), own)


def test_a_screen_listens_at_its_socket_alone() -> None:
    found = arriving_xml(theirs().replace('<graphics type="vnc"', '<graphics type="vnc" websocket="5700"'), mine())

    screens = ET.fromstring(found).findall("devices/graphics")
    assert [screen.attrib for screen in screens] == [{"type": "vnc"}]


def test_a_card_on_ovn_has_the_port_that_this_host_names() -> None:
    card = replace(desired_server(ONE).nics[0], driver=OVERLAY)
    server = replace(desired_server(ONE), nics=(card,))
    own = domain_xml(server, files("/my"), OPTIONS)
    sent = domain_xml(server, files("/their"), OPTIONS).replace(card.port, "00000000-0000-4000-8000-00000000ffff")

    arrived = ET.fromstring(arriving_xml(sent, own))

    [plugged] = arrived.iterfind("devices/interface/virtualport")
    parameters = plugged.find("parameters")
    assert parameters is not None and parameters.get("interfaceid") == card.port
    with pytest.raises(HostError, match="has a <virtualport>"):
        arriving_xml(sent, mine())


@pytest.mark.parametrize(
    "extra",
    [
        "<hostdev mode='subsystem' type='pci'/>",
        "<filesystem type='mount'><source dir='/'/><target dir='x'/></filesystem>",
        "<disk type='file' device='disk'><source file='/etc/shadow'/><target dev='vdz' bus='virtio'/></disk>",
        "<disk type='block' device='disk'><source dev='/dev/sda'/><target dev='vda' bus='virtio'/></disk>",
        "<interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/></interface>",
        "<interface type='bridge'><mac address='52:54:00:00:00:99'/><source bridge='br0'/></interface>",
        "<serial type='file'><source path='/etc/cron.d/x'/><target port='3'/></serial>",
        "<channel type='file'><source path='/etc/cron.d/x'/><target type='virtio' name='x'/></channel>",
        "<graphics type='vnc' port='-1'><listen type='address' address='0.0.0.0'/></graphics>",
        "<rng model='virtio'><backend model='random'>/dev/mem</backend></rng>",
        "<shmem name='x'/>",
        "<tpm model='tpm-crb'><backend type='passthrough'/></tpm>",
        "<input type='passthrough' bus='virtio'><source evdev='/dev/input/event1'/></input>",
        "<input type='evdev'><source dev='/dev/input/event1'/></input>",
        "<audio id='1' type='pulseaudio' serverName='10.0.0.1'/>",
        "<video><model type='virtio'><acceleration rendernode='/dev/dri/renderD128'/></model></video>",
    ],
)
def test_what_reaches_beyond_the_guest_is_refused(extra: str) -> None:
    with pytest.raises(HostError) as caught:
        arriving_xml(with_device(extra), mine())
    assert caught.value.code == "live-definition"


@pytest.mark.parametrize(
    "given",
    [
        "no xml",
        theirs().replace(ONE, TWO),
        theirs(vcpus=4),
        theirs(ram_mb=4096),
        theirs(nics=()),
        theirs().replace("</domain>", "<sysinfo type='fwcfg'><entry name='x' file='/etc/shadow'/></sysinfo></domain>"),
        theirs().replace(
            "</domain>",
            "<commandline xmlns='http://libvirt.org/schemas/domain/qemu/1.0'><arg value='-s'/></commandline></domain>",
        ),
        theirs().replace("</os>", "<kernel>/etc/shadow</kernel></os>"),
        theirs().replace("</os>", "<loader>/etc/shadow</loader></os>"),
        theirs().replace("</os>", "<acpi><table type='slic'> /etc/shadow</table></acpi></os>"),
        "<!DOCTYPE domain [<!ENTITY a 'aaaa'>]>" + theirs(),
        re.sub("(<memory[^>]*>)[0-9]+", r"\1much", theirs()),
    ],
)
def test_another_guest_or_another_machine_is_refused(given: str) -> None:
    with pytest.raises(HostError) as caught:
        arriving_xml(given, mine())
    assert caught.value.code == "live-definition"


_LIMITS = Limits(200, 0, 50000, DiskLimits(read_iops_sec=500), CardLimits(1000), CardLimits(500))


@pytest.mark.parametrize("sent", [Limits(), Limits(10000, 0, 0, DiskLimits(read_iops_sec=10**6), CardLimits(9))])
def test_limits_are_those_of_the_flavor_whatever_the_source_sends(sent: Limits) -> None:
    limited = replace(desired_server(ONE), machine=Machine(limits=_LIMITS))
    own = domain_xml(limited, files("/my"), OPTIONS)

    arrived = ET.fromstring(arriving_xml(theirs(machine=Machine(limits=sent)), own))

    def said(path: str) -> list[tuple[str, str | None]]:
        return [(each.tag, each.text or each.get("average")) for each in arrived.iterfind(path)]

    assert said("cputune/*") == [("shares", "200"), ("quota", "50000")]
    assert said("devices/disk/iotune/*") == [("read_iops_sec", "500")]
    assert said("devices/interface/bandwidth/*") == [("inbound", "1000"), ("outbound", "500")]


def test_a_guest_without_limits_brings_none_along() -> None:
    arrived = arriving_xml(theirs(machine=Machine(limits=_LIMITS)), mine())
    assert not {"cputune", "iotune", "bandwidth"} & {each.tag for each in ET.fromstring(arrived).iter()}
