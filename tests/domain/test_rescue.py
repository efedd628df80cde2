"""What an image says of the disk that a server is rescued from."""

import pytest

from busway.domain.errors import BadInput
from busway.domain.rescue import Rescue, read_rescue


def read(**properties: str) -> Rescue:
    return read_rescue({f"hw_rescue_{name}": value for name, value in properties.items()}, 7, "virtio")


def test_an_image_that_says_nothing_takes_the_root_disks_place() -> None:
    assert read() == Rescue(7)


def test_an_image_that_says_its_bus_or_device_leaves_the_disks_where_they_are() -> None:
    assert read(bus="usb") == Rescue(7, "usb", "disk")
    assert read(device="disk") == Rescue(7, "virtio", "disk")
    assert read(device="cdrom") == Rescue(7, "sata", "cdrom")
    assert read(device="cdrom", bus="scsi") == Rescue(7, "scsi", "cdrom")


@pytest.mark.parametrize(
    "said", [{"device": "floppy"}, {"bus": "ide"}, {"device": "cdrom", "bus": "virtio"}, {"bus": "fdc"}]
)
def test_what_the_machine_has_not_is_refused_with_what_it_has(said: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="can't be rescued") as caught:
        read(**said)

    assert caught.value.code == "rescue-device"
    assert "It may be" in caught.value.detail
