"""Mediated devices of the kernel's own sample drivers; `make test-slow` builds those."""

import os
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from busway.domain.errors import HostError
from busway.hardware import Machine, MdevParent, SysfsKernel
from busway.hardware.mediated import mdev_folder, read_mdev_types
from busway.hardware.verbs import create_mdev, preflight_mdev, remove_mdev
from busway.testing.mdev_contract import MdevContract
from tests.lab.inside.holders import holding

MODULES = os.environ.get("BUSWAY_MDEV_SAMPLES", "")
pytestmark = pytest.mark.skipif(not MODULES, reason="needs the sample drivers, which `make test-slow` builds")

MTTY, MDPY, MBOCHS = map(MdevParent, ("mtty", "mdpy", "mbochs"))


@pytest.fixture(scope="module", autouse=True)
def samples() -> None:
    subprocess.run(["modprobe", "-a", "mdev", "vfio"], check=True, timeout=60)
    for parent in (MTTY, MDPY, MBOCHS):
        if not Path("/sys/module", parent.name).exists():
            subprocess.run(["insmod", f"{MODULES}/{parent}.ko"], check=True, timeout=60)


def left(parent: MdevParent) -> dict[str, int | None]:
    return {kind.id: kind.available for kind in read_mdev_types(mdev_folder(Path("/"), parent))}


def test_the_samples_are_parents_and_no_pci_functions() -> None:
    assert Machine.read().mdev_parents == (MBOCHS, MDPY, MTTY)
    assert left(MDPY) == {"mdpy-hd": 4, "mdpy-vga": 4, "mdpy-xga": 4}


class TestMediatedDevices(MdevContract):
    @pytest.fixture
    def verbs(self) -> SysfsKernel:
        return SysfsKernel()

    @pytest.fixture(params=[(MTTY, "mtty-2"), (MDPY, "mdpy-vga"), (MBOCHS, "mbochs-large")], ids=str)
    def offer(self, request: pytest.FixtureRequest) -> tuple[MdevParent, str]:
        offer: tuple[MdevParent, str] = request.param
        return offer

    @pytest.fixture
    def parent(self, offer: tuple[MdevParent, str]) -> MdevParent:
        return offer[0]

    @pytest.fixture
    def kind(self, offer: tuple[MdevParent, str]) -> str:
        return offer[1]


def test_types_of_one_parent_share_its_room(verbs: SysfsKernel, picture: Callable[[], dict[str, object]]) -> None:
    names = [str(uuid.uuid4()) for _ in range(5)]
    for name in names[:4]:
        create_mdev(verbs, MDPY, "mdpy-xga", name)
    before = picture()

    with pytest.raises(HostError) as caught:
        create_mdev(verbs, MDPY, "mdpy-hd", names[4])
    after = picture()
    for name in names[:4]:
        remove_mdev(verbs, MDPY, name)

    assert caught.value.code == "mdev-exhausted"
    assert after == before


def test_a_device_that_somebody_has_is_not_removed(verbs: SysfsKernel) -> None:
    name = str(uuid.uuid4())
    create_mdev(verbs, MTTY, "mtty-1", name)
    group = Path("/sys/bus/mdev/devices", name, "iommu_group").readlink().name

    with holding(f"/dev/vfio/{group}") as process, pytest.raises(HostError) as caught:
        remove_mdev(verbs, MTTY, name)
    remove_mdev(verbs, MTTY, name)

    assert caught.value.code == "device-held"
    assert f"sh ({process.pid})" in caught.value.brief


def test_unknown_types_and_names_are_refused(verbs: SysfsKernel) -> None:
    name = str(uuid.uuid4())

    assert [one.code for one in preflight_mdev(verbs, MTTY, "mtty-3", name)] == ["no-mdev-type"]
    assert [one.code for one in preflight_mdev(verbs, MTTY, "mtty-1", "serial")] == ["invalid-uuid"]
    assert [one.code for one in preflight_mdev(verbs, MdevParent("nvidia"), "mtty-1", name)] == ["device-vanished"]
