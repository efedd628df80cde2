"""`ready` means that a kernel gives the card away: the doctor's word, and a kernel that reacts, on machines good and bad."""

from collections.abc import Callable
from pathlib import Path

import pytest

from busway.doctor import examine
from busway.domain.errors import BuswayError
from busway.hardware import Machine
from busway.hardware.verbs.bind import bind_card
from busway.testing.kernel import FakeKernel
from busway.testing.machines import Machine as Invented
from busway.testing.machines_named import NAMED
from tests.doctor import hosts
from tests.doctor.hosts import BROKEN, GPU, healthy, healthy_amd


def give_away(root: Path, card: str) -> None:
    """Binds all functions of a card, as a server's start does."""
    kernel = FakeKernel(root)
    (found,) = [one for one in Machine.read(root).gpu_cards if one.name == card]
    bind_card(kernel, found.functions[0].address, patience=0.5)


GOOD: dict[str, Callable[[Path], object]] = {
    "healthy": healthy, "healthy-amd": healthy_amd, **{name: NAMED[name] for name in ("grid-k2", "gtx-1660", "a5000-four", "mi300x-switches", "gvt-g")},
    "may-sleep": lambda root: BROKEN["d3cold"](healthy(root)),
    "bar-small": lambda root: BROKEN["resizable-bar"](healthy(root)),
    "numa-unknown": lambda root: BROKEN["numa-unknown"](healthy(root)),
    "link-narrow": lambda root: BROKEN["link-narrow"](healthy(root)),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_every_card_that_is_called_ready_is_given_away(tmp_path: Path, name: str) -> None:
    GOOD[name](tmp_path)
    ready = [one.card for one in examine(tmp_path).verdicts if one.is_ready]

    for card in ready:
        give_away(tmp_path, card)

    assert ready
    drivers = {str(f.driver) for card in Machine.read(tmp_path).gpu_cards if card.name in ready for f in card.functions}
    assert drivers == {"vfio-pci"}


def _second_card_in_group(root: Path) -> None:
    healthy(root).function("0000:43:00.0", "10de:2231", "030200", group=10, driver="nouveau")


def _held_by_a_guest(root: Path) -> None:
    machine = healthy_amd(root)
    machine.hold(4321, "qemu-system-x86", "/dev/vfio/10")


def _usb_in_group(root: Path) -> None:
    healthy(root).function("0000:00:14.0", "8086:1533", "0c0330", group=10, driver="xhci_hcd")


def _alone_without_group(root: Path) -> None:
    machine = Invented(root)
    machine.function(GPU, "10de:2231", "030200", group=None, driver="nouveau")


def _broken(code: str) -> Callable[[Path], object]:
    return lambda root: BROKEN[code](healthy(root))


BAD: dict[str, Callable[[Path], object]] = {
    **{code: _broken(code) for code in ("iommu-firmware", "iommu-off", "no-group", "group-shared", "vfio-missing", "device-held", "vfs-enabled")},
    "no-iommu": NAMED["no-iommu"],
    "second-card-in-group": _second_card_in_group, "held-by-a-guest": _held_by_a_guest, "usb-in-group": _usb_in_group,
    "alone-without-group": _alone_without_group,
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_card_that_a_kernel_does_not_give_away_is_not_called_ready(tmp_path: Path, name: str) -> None:
    BAD[name](tmp_path)

    refused = []
    for verdict in examine(tmp_path).verdicts:
        card = next(one for one in Machine.read(tmp_path).gpu_cards if one.name == verdict.card)
        try:
            bind_card(FakeKernel(tmp_path), card.main.address, patience=0.5)
        except BuswayError:
            refused.append(verdict)

    assert refused
    assert [one.card for one in refused if one.is_ready] == []


def test_there_are_ten_of_each() -> None:
    assert len(GOOD) >= 10
    assert len(BAD) >= 10
    assert hosts.GPU == GPU
