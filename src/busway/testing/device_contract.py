"""What a kernel must do for the verbs: the suite that the fake passes, and a real kernel with spare devices.

A test module subclasses `DeviceContract` and overrides the fixtures. `card` has a host driver and a group of its own,
`pf` can make two virtual functions; nobody uses either. A host without a PF lets `pf` skip.
"""

from __future__ import annotations

import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware import Machine
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
    def pf(self) -> PciAddress:
        """A spare physical function without virtual ones."""
        raise NotImplementedError

    def test_a_card_is_bound_whole_and_comes_back(self, verbs: DeviceVerbs, card: PciAddress) -> None:
        """Every function has its driver and override of before."""
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
