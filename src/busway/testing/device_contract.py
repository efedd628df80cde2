"""What a kernel must do for the verbs: the suite that the fake passes, and a real kernel with spare devices.

A test module subclasses `DeviceContract` and overrides the fixtures. `card` has a host driver and a group of its own,
`driven` is a function of which the same is true, `pf` can make two virtual functions; nobody uses any of them. A host without a PF lets `pf` skip.
"""

from __future__ import annotations

import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.domain.units import WholeFunction
from busway.hardware import Machine, read_binding
from busway.hardware.binding import driver_of
from busway.hardware.handover import give_back, read_before, take
from busway.hardware.verbs import (
    DeviceVerbs,
    Mode,
    bind_card,
    create_vfs,
    preflight_bind,
    release_card,
    remove_vfs,
    reserve_card,
    reserved,
)


class DeviceContract:
    """Each test gives the devices back."""

    @pytest.fixture
    def verbs(self) -> DeviceVerbs:
        """The kernel to be tried."""
        raise NotImplementedError

    @pytest.fixture
    def card(self) -> PciAddress:
        """A function of a spare card."""
        raise NotImplementedError

    @pytest.fixture
    def driven(self) -> PciAddress:
        """A spare function with a host driver, alone in its group."""
        raise NotImplementedError

    @pytest.fixture
    def pf(self) -> PciAddress:
        """A spare physical function without virtual ones."""
        raise NotImplementedError

    def test_a_card_is_bound_whole_and_comes_back(self, verbs: DeviceVerbs, card: PciAddress) -> None:
        """Every function has its previous driver and override."""
        before = _state(verbs, card)
        bound = bind_card(verbs, card, Mode.VFIO)
        during = {driver for driver, _ in _state(verbs, card).values()}
        release_card(verbs, bound)
        assert during == {"vfio-pci"}
        assert _state(verbs, card) == before

    def test_a_reserved_card_is_recognised_and_comes_back(self, verbs: DeviceVerbs, card: PciAddress) -> None:
        """pci-stub keeps it."""
        before = _state(verbs, card)
        bound = reserve_card(verbs, card)
        found = [function.address for one in reserved(Machine.read(verbs.root)) for function in one.functions]
        release_card(verbs, bound)
        assert card in found
        assert _state(verbs, card) == before

    def test_a_spare_card_has_no_obstacle(self, verbs: DeviceVerbs, card: PciAddress) -> None:
        """The preflight agrees with the act."""
        assert preflight_bind(verbs, card) == ()

    def test_a_card_that_is_bound_is_bound_again_without_harm(self, verbs: DeviceVerbs, card: PciAddress) -> None:
        """A second bind finds vfio-pci; a second release the host drivers."""
        before = _state(verbs, card)
        bound = bind_card(verbs, card)
        again = bind_card(verbs, card)
        release_card(verbs, bound)
        release_card(verbs, bound)
        assert {one.driver for one in again.functions} == {"vfio-pci"}
        assert _state(verbs, card) == before

    def test_an_unbound_device_has_no_driver_and_a_probe_brings_its_own(
        self, verbs: DeviceVerbs, driven: PciAddress
    ) -> None:
        """Without an override the driver that knows the device takes it."""
        before = driver_of(verbs.root, driven)
        verbs.unbind(driven)
        unbound = driver_of(verbs.root, driven)
        verbs.unbind(driven)
        verbs.probe(driven)
        assert before is not None
        assert (unbound, driver_of(verbs.root, driven)) == (None, before)

    def test_an_override_is_read_back_and_cleared(self, verbs: DeviceVerbs, driven: PciAddress) -> None:
        """The kernel prints "(null)" for none; we read "" then."""
        verbs.override(driven, "vfio-pci")
        during = read_binding(verbs.root, driven).override
        verbs.override(driven, "")
        assert (during, read_binding(verbs.root, driven).override) == ("vfio-pci", "")

    def test_nobody_holds_a_spare_device_and_nothing_is_unfinished(
        self, verbs: DeviceVerbs, driven: PciAddress
    ) -> None:
        """Holders are found by open files, unfinished writes by who writes."""
        machine = Machine.read(verbs.root)
        assert machine.open_files.holders([machine.functions[driven]]) == ()
        assert verbs.unfinished(driven) == ()

    def test_a_function_goes_to_a_guest_and_comes_back(self, verbs: DeviceVerbs, driven: PciAddress) -> None:
        """Driver and override are as before in the end; both are harmless when they are done twice."""
        now, device = read_binding(verbs.root, driven), _device(verbs, driven)
        before = read_before(verbs.root, now)
        for _ in range(2):
            take(verbs, device)
        during = driver_of(verbs.root, driven)
        for _ in range(2):
            give_back(verbs, device, before)
        assert during == "vfio-pci"
        assert read_binding(verbs.root, driven) == now

    def test_a_device_of_other_ids_is_refused_and_left_alone(self, verbs: DeviceVerbs, driven: PciAddress) -> None:
        """What is at the address counts."""
        now = read_binding(verbs.root, driven)
        with pytest.raises(HostError) as caught:
            take(verbs, WholeFunction(driven, "ffff", "0001"))
        assert caught.value.code == "device-changed"
        assert read_binding(verbs.root, driven) == now

    def test_virtual_functions_come_and_go(self, verbs: DeviceVerbs, pf: PciAddress) -> None:
        """Without autoprobe nobody takes them."""
        made = create_vfs(verbs, pf, 2, probe=False)
        seen = Machine.read(verbs.root)
        drivers = [seen.functions[address].driver for address in made]
        remove_vfs(verbs, pf)
        assert (len(made), drivers) == (2, [None, None])
        assert not set(made) & set(Machine.read(verbs.root).functions)

    def test_a_virtual_function_is_bound_and_comes_back(self, verbs: DeviceVerbs, pf: PciAddress) -> None:
        """It shows all ones for its ids by nature, which is not how a lost device looks."""
        made = create_vfs(verbs, pf, 2, probe=False)
        try:
            release_card(verbs, bind_card(verbs, made[0]))
            assert _state(verbs, made[0]) == {made[0]: (None, "")}
        finally:
            remove_vfs(verbs, pf)

    def test_a_physical_function_with_virtual_ones_is_refused(self, verbs: DeviceVerbs, pf: PciAddress) -> None:
        """They would go with it."""
        create_vfs(verbs, pf, 1, probe=False)
        try:
            with pytest.raises(HostError) as caught:
                bind_card(verbs, pf)
        finally:
            remove_vfs(verbs, pf)
        assert caught.value.code == "vfs-enabled"


def _state(verbs: DeviceVerbs, address: PciAddress) -> dict[PciAddress, tuple[str | None, str]]:
    card = Machine.read(verbs.root).card(address)
    assert card is not None
    return {one.address: (one.driver, one.driver_override) for one in card.functions}


def _device(verbs: DeviceVerbs, address: PciAddress) -> WholeFunction:
    function = Machine.read(verbs.root).functions[address]
    return WholeFunction(address, function.vendor_id, function.product_id)
