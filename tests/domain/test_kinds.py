"""Each kind of resource stands at the same places with the same name: here they are held together."""

import dataclasses
import xml.etree.ElementTree as ET
from importlib import import_module
from typing import Any

import pytest

from busway.agent.steps import give_back_device, take_device
from busway.control.agents import units as of_control
from busway.domain.address import PciAddress
from busway.domain.grant import Attachment, Grant
from busway.domain.guest_layout import GuestSlot, RootPort
from busway.domain.ids import ClaimId
from busway.domain.units import (
    KINDS,
    FabricPartition,
    Mdev,
    NicFunction,
    RenderShare,
    Unit,
    VgpuFunction,
    WholeFunction,
)
from busway.hypervisor.guest import GuestOptions
from busway.hypervisor.xml import device as of_xml

SAMPLES: dict[type[Unit], Unit] = {
    WholeFunction: WholeFunction(PciAddress("0000:41:00.0"), "10de", "20b5"),
    Mdev: Mdev("mtty", "mtty-2", "aaaaaaaa-0000-4000-8000-000000000001"),
    VgpuFunction: VgpuFunction(PciAddress("0000:26:00.4"), "10de", "26b9", "nvidia-1155"),
    NicFunction: NicFunction(PciAddress("0000:81:00.1"), "8086", "10ed", mac="fa:16:3e:00:00:81", vlan=100),
    RenderShare: RenderShare("pci-0000:03:00.0", "aaaaaaaa-0000-4000-8000-000000000002"),
    FabricPartition: FabricPartition(3, ("0000:4c:00.0", "0000:5d:00.0")),
}

PLACES = {
    "control plane": {kind.kind for kind in KINDS.values()} ^ set(of_control.MAKERS),
    "taking": set(KINDS.values()) ^ set(take_device.TAKERS),
    "giving back": set(KINDS.values()) ^ set(give_back_device.GIVERS),
    "domain XML": {kind for kind in KINDS.values() if SAMPLES[kind].is_attached} ^ set(of_xml.WRITERS),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_place_knows_every_kind_and_no_other(place: str) -> None:
    assert PLACES[place] == set()


@pytest.mark.parametrize("kind", of_xml.WRITERS, ids=str)
def test_what_a_domain_is_given_is_recognised_there_by_its_name_and_claim(kind: type[Unit]) -> None:
    devices, grant = ET.Element("devices"), Grant(SAMPLES[kind], ClaimId("claim-1"), 1)

    of_xml.add_device(devices, GuestSlot(grant, 1, 0, multifunction=False), RootPort(1, 0, 1, 0, 1), GuestOptions())

    found = of_xml.read_attachments(f"<domain>{ET.tostring(devices, encoding='unicode')}</domain>")
    assert found == (Attachment(SAMPLES[kind].name, ClaimId("claim-1")),)


@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_a_unit_is_a_frozen_value_in_a_module_of_its_kind(kind: type[Unit]) -> None:
    assert import_module(f"busway.domain.units.{kind.kind}").__name__ == kind.__module__
    assert KINDS[kind.kind] is kind
    assert dataclasses.is_dataclass(kind) and kind.__hash__ is not None


def test_no_field_of_a_unit_hides_what_documents_say_beside_it() -> None:
    """A grant or a holding is one flat object on the wire."""
    beside = {"kind", "claim_id", "port", "node", "server_id", "previous_driver", "fault"}
    kinds: list[Any] = list(KINDS.values())
    fields = {each.name for kind in kinds for each in dataclasses.fields(kind)}

    assert fields & beside == set()
