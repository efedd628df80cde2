"""Devices: each function once per host, as its host reported it, with what must be remembered of those that are gone."""

from datetime import UTC

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from busway.domain.address import PciAddress
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.errors import Conflict
from busway.domain.ids import DeviceId
from busway.store import devices
from busway.store.database import Database
from busway.store.devices import list_devices
from tests.store.rows import H1, H2, NOON, VF, add_device, add_host, gpu

IDS = st.text("0123456789abcdef", min_size=4, max_size=4)
ADDRESSES = st.builds(
    lambda domain, bus, slot, function: PciAddress(f"{domain:04x}:{bus:02x}:{slot:02x}.{function}"),
    st.integers(0, 0xFFFF),
    st.integers(0, 255),
    st.integers(0, 31),
    st.integers(0, 7),
)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
NUMBERS = st.none() | st.integers(0, 2**31 - 1)
FUNCTIONS = st.builds(
    PciDevice,
    ADDRESSES,
    IDS,
    IDS,
    st.text("0123456789abcdef", min_size=6, max_size=6),
    st.sampled_from(DeviceKind),
    IDS,
    IDS,
    st.text("0123456789abcdef", max_size=2),
    st.none() | st.text("abc-_", min_size=1, max_size=20),
    NUMBERS,
    NUMBERS,
    st.none() | ADDRESSES,
    NAMES,
    NAMES,
    NAMES,
)


@pytest.fixture
def db(database: Database) -> Database:
    with database.write() as tx:
        add_host(tx, H1)
        add_host(tx, H2)
    return database


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(device=FUNCTIONS)
def test_every_function_comes_back_as_it_was_reported(db: Database, device: PciDevice) -> None:
    with db.write() as tx:
        devices.forget_host(tx, H1)
        devices.insert_device(tx, DeviceId("d"), H1, device, NOON)

        [row] = list_devices(tx)

    assert (row.device, row.present, row.quarantined) == (device, True, None)
    assert row.discovered == NOON and row.discovered.tzinfo == UTC


def test_a_host_has_one_device_at_an_address(db: Database) -> None:
    with db.write() as tx:
        add_device(tx, "d1")
        add_device(tx, "d2", H2)

    with pytest.raises(Conflict), db.write() as tx:
        add_device(tx, "d3")


def test_devices_are_listed_by_host_and_address(db: Database) -> None:
    with db.write() as tx:
        for device_id, host_id, slot in (("d1", H2, 1), ("d2", H1, 12), ("d3", H1, 2)):
            add_device(tx, device_id, host_id, slot)

        assert [row.id for row in list_devices(tx)] == ["d3", "d2", "d1"]
        assert [row.id for row in list_devices(tx, H2)] == ["d1"]


def test_a_device_that_is_gone_stays_known_and_comes_back_as_what_it_is_then(db: Database) -> None:
    with db.write() as tx:
        device = add_device(tx)
        devices.set_absent(tx, device)
        [gone] = list_devices(tx)
        devices.update_device(tx, device, gpu(kind=VF, parent=PciAddress("0000:01:00.1"), driver="vfio-pci"))
        [back] = list_devices(tx)

    assert (gone.present, back.present) == (False, True)
    assert (back.device.kind, back.device.parent, back.device.driver) == (VF, PciAddress("0000:01:00.1"), "vfio-pci")


def test_a_quarantine_is_kept_through_absence_and_reports_until_it_is_ended(db: Database) -> None:
    with db.write() as tx:
        device = add_device(tx)
        devices.set_quarantine(tx, device, "stuck in D3")
        devices.set_absent(tx, device)
        devices.update_device(tx, device, gpu())
        kept = devices.get_quarantine(tx, device)
        devices.set_quarantine(tx, device, None)

        assert (kept, devices.get_quarantine(tx, device)) == ("stuck in D3", None)


def test_a_device_needs_a_host_that_is_there(db: Database) -> None:
    with pytest.raises(IntegrityError), db.write() as tx:
        devices.insert_device(tx, DeviceId("d"), "nobody", gpu(), NOON)  # type: ignore[arg-type]
