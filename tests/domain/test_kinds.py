"""Each kind of resource stands at the same places with the same name: here they are held together."""

import dataclasses
from importlib import import_module
from typing import Any

import pytest

from busway.agent.steps import give_back_device, take_device
from busway.control.agents import units as of_control
from busway.domain.units import KINDS, Unit
from busway.hypervisor.xml import device as of_xml

PLACES = {
    "control plane": {kind.kind for kind in KINDS.values()} ^ set(of_control.MAKERS),
    "taking": set(KINDS.values()) ^ set(take_device.TAKERS),
    "giving back": set(KINDS.values()) ^ set(give_back_device.GIVERS),
    "domain XML": set(KINDS.values()) ^ set(of_xml.WRITERS),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_place_knows_every_kind_and_no_other(place: str) -> None:
    assert PLACES[place] == set()


def test_a_domain_tells_as_many_kinds_as_it_is_given() -> None:
    assert len(of_xml.READERS) == len(of_xml.WRITERS)


@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_a_unit_is_a_frozen_value_in_a_module_of_its_kind(kind: type[Unit]) -> None:
    assert import_module(f"busway.domain.units.{kind.kind}").__name__ == kind.__module__
    assert KINDS[kind.kind] is kind
    assert dataclasses.is_dataclass(kind) and kind.__hash__ is not None


def test_no_field_of_a_unit_hides_what_documents_say_beside_it() -> None:
    """A grant or a holding is one flat object on the wire."""
    beside = {"kind", "claim_id", "port", "server_id", "previous_driver", "fault"}
    kinds: list[Any] = list(KINDS.values())
    fields = {each.name for kind in kinds for each in dataclasses.fields(kind)}

    assert fields & beside == set()
