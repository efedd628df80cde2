"""What a kernel must do with mediated devices: the suite that the fake passes, and a real kernel with a spare parent.

A test module subclasses `MdevContract` and overrides the fixtures: a parent that nobody uses, one of its types, of which a
few can be made.
"""

from __future__ import annotations

import uuid

import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware import MdevParent
from busway.hardware.mediated import MdevType, mdev_folder, read_mdev_types
from busway.hardware.verbs import DeviceVerbs, create_mdev, preflight_mdev, remove_mdev

Parent = PciAddress | MdevParent


class MdevContract:
    """Each test removes what it made."""

    @pytest.fixture
    def verbs(self) -> DeviceVerbs:
        """The kernel to be tried."""
        raise NotImplementedError

    @pytest.fixture
    def parent(self) -> Parent:
        """A spare parent."""
        raise NotImplementedError

    @pytest.fixture
    def kind(self) -> str:
        """One of its types."""
        raise NotImplementedError

    def test_a_device_is_shown_by_its_type_and_comes_and_goes(
        self, verbs: DeviceVerbs, parent: Parent, kind: str
    ) -> None:
        """What is left shrinks and grows back; removing twice is harmless."""
        name, before = str(uuid.uuid4()), _type(verbs, parent, kind)
        create_mdev(verbs, parent, kind, name)
        during = _type(verbs, parent, kind)
        remove_mdev(verbs, parent, name)
        remove_mdev(verbs, parent, name)
        assert (during.instances, during.available) == ((name,), (before.available or 0) - 1)
        assert _type(verbs, parent, kind) == before

    def test_the_kernel_itself_refuses_one_too_many(self, verbs: DeviceVerbs, parent: Parent, kind: str) -> None:
        """The preflight says so before."""
        names = [str(uuid.uuid4()) for _ in range((_type(verbs, parent, kind).available or 0) + 1)]
        *fitting, last = names
        try:
            for name in fitting:
                create_mdev(verbs, parent, kind, name)
            codes = [one.code for one in preflight_mdev(verbs, parent, kind, last)]
            with pytest.raises(HostError):
                verbs.set(parent, f"mdev_supported_types/{kind}/create", last)
        finally:
            for name in names:
                remove_mdev(verbs, parent, name)
        assert codes == ["mdev-exhausted"]

    def test_the_kernel_itself_refuses_a_name_twice(self, verbs: DeviceVerbs, parent: Parent, kind: str) -> None:
        """The preflight says so before."""
        name = str(uuid.uuid4())
        create_mdev(verbs, parent, kind, name)
        try:
            codes = [one.code for one in preflight_mdev(verbs, parent, kind, name)]
            with pytest.raises(HostError):
                verbs.set(parent, f"mdev_supported_types/{kind}/create", name)
        finally:
            remove_mdev(verbs, parent, name)
        assert codes == ["mdev-exists"]


def _type(verbs: DeviceVerbs, parent: Parent, kind: str) -> MdevType:
    return next(one for one in read_mdev_types(mdev_folder(verbs.root, parent)) if one.id == kind)
