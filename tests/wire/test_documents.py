"""Documents of version 2, each server read alone; and old with new in both directions (tests/wire/peers has the old)."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from busway.domain.address import PciAddress
from busway.domain.documents import WIRE_VERSION, Desired, DesiredCell, Observed, Unreadable
from busway.domain.errors import BadInput
from busway.domain.grant import Grant, Held
from busway.domain.host_facts import HostCell
from busway.domain.ids import ClaimId, ServerId
from busway.domain.mdev import MdevParentSeen, MdevTypeSeen
from busway.domain.server import PowerState
from busway.domain.units import Mdev, WholeFunction
from busway.wire.documents import decode_desired, decode_observed, encode
from tests.wire.peers import version_1
from tests.wire.peers.version_1 import read_version_1

PEERS = Path(__file__).parent / "peers"
OLD_DESIRED = (PEERS / "desired-1.json").read_bytes()
OLD_OBSERVED = (PEERS / "observed-1.json").read_bytes()
ONE = ServerId("3f2c1d5e-0000-4000-8000-00000000abcd")
TWO = ServerId("3f2c1d5e-0000-4000-8000-00000000abce")
GPU = PciAddress("0000:42:00.0")


def desired() -> Desired:
    """What the old document says, as a control plane of now says it: with claims and ports."""
    old = decode_desired(OLD_DESIRED)
    first, *others = old.servers
    grants = tuple(replace(grant, claim_id=ClaimId(f"c{n}"), port=n) for n, grant in enumerate(first.devices, 1))
    return replace(old, servers=(replace(first, devices=grants), *others), wire=WIRE_VERSION)


def observed() -> Observed:
    old = decode_observed(OLD_OBSERVED)
    return replace(old, held=tuple(replace(held, claim_id=ClaimId("c")) for held in old.held), wire=WIRE_VERSION)


def changed(data: bytes, *path: Any, to: Any) -> bytes:
    """The document with one value of it changed."""
    document = json.loads(data)
    *way, last = path
    place = document
    for step in way:
        place = place[step]
    place[last] = to
    return json.dumps(document).encode()


def test_both_documents_come_back_as_they_were_sent() -> None:
    assert decode_desired(encode(desired())) == desired()
    assert decode_observed(encode(observed())) == observed()


def test_mediated_devices_and_their_parents_come_back_as_they_were_sent() -> None:
    unit = Mdev("0000:84:00.0", "nvidia-35", "aaaaaaaa-0000-4000-8000-000000000001")
    parent = MdevParentSeen("mtty", (MdevTypeSeen("mtty-2", "Dual port serial", 11, (unit.uuid,), "vfio-pci"),), None)
    wanted = desired()
    grant = Grant(unit, ClaimId(unit.uuid), 3)
    wanted = replace(wanted, servers=(replace(wanted.servers[0], devices=(grant,)), *wanted.servers[1:]))
    report = replace(observed(), held=(Held(ONE, unit, claim_id=ClaimId(unit.uuid)),), mdev_parents=(parent,))

    assert decode_desired(encode(wanted)) == wanted
    assert decode_observed(encode(report)) == report


def test_dedicated_cpus_come_back_as_they_were_sent_and_an_old_peer_reads_the_rest() -> None:
    wanted, report = desired(), observed()
    cells = (DesiredCell(2, 1024, 0, "0-1", (2, 10)),)
    wanted = replace(wanted, servers=(replace(wanted.servers[0], cells=cells), *wanted.servers[1:]))
    there = (HostCell(0, "0-1", 2, 4096, 0, ((2, 10), (3, 11))),)
    report = replace(report, resources=replace(report.resources, cells=there))

    assert decode_desired(encode(wanted)) == wanted
    assert decode_observed(encode(report)) == report
    assert read_version_1(encode(wanted), version_1.Desired).servers[0].cells == (
        version_1.DesiredCell(2, 1024, 0, "0-1"),
    )
    old = read_version_1(encode(report), version_1.Observed).resources.cells
    assert [(cell.id, cell.cpus, cell.vcpus) for cell in old] == [(0, "0-1", 2)]


def test_a_parent_that_cant_be_read_is_left_out_with_a_note() -> None:
    parents = (MdevParentSeen("mtty"), MdevParentSeen("mdpy"))
    report = decode_observed(
        changed(encode(replace(observed(), mdev_parents=parents)), "mdev_parents", 0, "types", to=[{"id": 7}])
    )

    assert report.mdev_parents == parents[1:]
    assert "a parent of mediated devices can't be read" in report.notes[-1]


def test_a_new_agent_reads_the_document_of_an_old_control_plane() -> None:
    document = decode_desired(OLD_DESIRED)

    assert (document.wire, document.unreadable) == (1, ())
    assert document.servers[0].devices == (
        Grant(WholeFunction(GPU, "10de", "2204")),
        Grant(WholeFunction(PciAddress("0000:42:00.1"), "10de", "1aef")),
        Grant(WholeFunction(PciAddress("0000:83:00.4"), "10de", "20b5", managed=False)),
    )


def test_a_new_control_plane_reads_the_report_of_an_old_agent() -> None:
    report = decode_observed(OLD_OBSERVED)

    assert (report.wire, report.resources.kinds, report.unreadable) == (1, ("function",), ())
    assert report.servers[0].devices == ("0000:42:00.0", "0000:42:00.1", "0000:83:00.4")
    assert report.held[0] == Held(ONE, WholeFunction(GPU), "nouveau")
    assert report.held[2] == Held(ONE, WholeFunction(PciAddress("0000:83:00.4"), managed=False), "vfio-pci")
    assert report.held[3].fault is not None and report.held[3].fault.code == "reset-failed"


def test_an_old_agent_reads_what_a_new_control_plane_desires() -> None:
    read = read_version_1(encode(desired()), version_1.Desired)

    assert read == read_version_1(OLD_DESIRED, version_1.Desired)


def test_an_old_control_plane_reads_what_a_new_agent_reports() -> None:
    read = read_version_1(encode(observed()), version_1.Observed)

    assert read == read_version_1(OLD_OBSERVED, version_1.Observed)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("devices", 0, "kind"), "teleported", "'teleported' is not a known kind of resource"),
        (("devices", 0, "address"), "nowhere", "no PCI address"),
        (("vcpus",), "many", "vcpus"),
        (("disks",), [1, "two"], "disks"),
    ],
)
def test_a_desired_server_that_cant_be_read_does_not_keep_the_others(
    path: tuple[Any, ...], value: Any, words: str
) -> None:
    document = decode_desired(changed(encode(desired()), "servers", 0, *path, to=value))

    [unreadable] = document.unreadable
    assert [server.id for server in document.servers] == [TWO]
    assert unreadable.id == ONE and words in unreadable.detail
    assert unreadable.fault.code == "wire-format"


@pytest.mark.parametrize(
    "path",
    [("servers", 0, "power"), ("servers", 0, "fault"), ("held", 0, "kind"), ("held", 0, "address")],
)
def test_an_observed_server_that_cant_be_read_is_there_and_unclear(path: tuple[Any, ...]) -> None:
    report = decode_observed(changed(encode(observed()), *path, to="hibernating"))

    assert [each.id for each in report.unreadable] == [ONE]
    assert ONE not in [server.id for server in report.servers]
    assert report.servers[0].power is PowerState.SHUTOFF


def test_a_device_that_cant_be_read_is_left_out_with_a_note() -> None:
    report = decode_observed(changed(encode(observed()), "inventory", 0, "kind", to="type-NEW"))

    assert [str(device.address) for device in report.inventory] == ["0000:42:00.1", "0000:83:00.4"]
    assert "type-NEW" in report.notes[-1]


@pytest.mark.parametrize(
    ("path", "value"),
    [(("servers", 0), "text"), (("servers", 0, "id"), 7), (("held", 0, "server_id"), None), (("servers",), 3)],
)
def test_what_has_no_server_to_be_left_alone_refuses_the_whole(path: tuple[Any, ...], value: Any) -> None:
    with pytest.raises(BadInput, match="not a valid Observed document"):
        decode_observed(changed(encode(observed()), *path, to=value))


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"{}", b'{"host": "h", "generation": "x"}'])
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput) as refused:
        decode_desired(data)

    assert refused.value.code == "wire-format"


def test_what_could_not_be_read_is_never_sent_on() -> None:
    document = replace(desired(), unreadable=(Unreadable(TWO, "why"),))

    assert b"unreadable" not in encode(document)
