"""What hosts tell of how they do: kept, bounded, shown with each device; and nothing is placed by it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from busway.control.devices.listing import get_device, host_conditions, list_changed, list_devices
from busway.control.hosts.forget import delete_host
from busway.control.observation.conditions import put_conditions
from busway.domain.condition import CardMode, CardModes, Conditions, DeviceCondition, HostFinding
from busway.domain.errors import Forbidden
from busway.store import hosts
from tests.control.clouds import ADMIN, Cloud, Host

GPU = "0000:41:00.0"
NARROW = HostFinding("link-narrow", "warns", "The link has 8 of 16 lanes", "Reseat the card.", GPU)
OF_HOST = HostFinding("iommu-domain", "informs", "Address translation slows the host's own drivers", "Add iommu=pt.")


@pytest.fixture
def host(cloud: Cloud) -> Host:
    return cloud.host("h1", 2)


def told(width: int = 16, *findings: HostFinding, busy: int | None = None) -> Conditions:
    return Conditions("h1", (DeviceCondition(GPU, 2.5, width, 16.0, 16, busy),), findings, examined=True)


def test_a_device_is_shown_with_its_link_and_what_the_doctor_found_of_it(cloud: Cloud, host: Host) -> None:
    put_conditions(cloud.control, host.id, told(8, NARROW, OF_HOST, busy=85))

    first, second = list_devices(cloud.control, ADMIN)

    assert first.condition == DeviceCondition(GPU, 2.5, 8, 16.0, 16, 85)
    assert (first.findings, second.condition, second.findings) == ((NARROW,), None, ())
    assert host_conditions(cloud.control, ADMIN)["h1"].findings == (NARROW, OF_HOST)


def test_a_device_is_shown_with_the_ways_to_give_its_card(cloud: Cloud, host: Host) -> None:
    long = CardMode("w" * 100, serves=False, why="\0" + "y" * 2000)
    modes = CardModes(GPU, (CardMode("whole", serves=True, why="1 function, IOMMU group 10"), *[long] * 40))
    put_conditions(cloud.control, host.id, replace(told(), modes=(modes,)))

    ways = get_device(cloud.control, ADMIN, GPU).modes

    assert ways[0] == CardMode("whole", serves=True, why="1 function, IOMMU group 10")
    assert (len(ways), len(ways[1].name), len(ways[1].why), "\0" in ways[1].why) == (16, 64, 1000, False)
    assert get_device(cloud.control, ADMIN, "0000:42:00.0").modes == ()


def test_other_lanes_are_an_event_of_the_device_and_another_speed_is_none(cloud: Cloud, host: Host) -> None:
    for width in (16, 16, 8, 8, 16):
        put_conditions(cloud.control, host.id, told(width, busy=width))

    reasons = [event.reason for event in get_device(cloud.control, ADMIN, GPU).events]

    assert [reason for reason in reasons if reason.startswith("link")] == ["link x16 -> x8", "link x8 -> x16"]


def test_what_changed_is_found_by_its_time(cloud: Cloud, host: Host) -> None:
    now = cloud.control.now()
    put_conditions(cloud.control, host.id, told())

    assert len(list_changed(cloud.control, ADMIN, now)) == 2
    assert list_changed(cloud.control, ADMIN, now + timedelta(days=1)) == []


def test_nothing_is_placed_or_refused_by_it(cloud: Cloud, host: Host) -> None:
    with cloud.control.db.read() as tx:
        before = hosts.list_hosts(tx)
    put_conditions(cloud.control, host.id, told(1, NARROW))
    with cloud.control.db.read() as tx:
        assert hosts.list_hosts(tx) == before


def test_a_host_tells_of_itself_only(cloud: Cloud, host: Host) -> None:
    with pytest.raises(Forbidden):
        put_conditions(cloud.control, host.id, Conditions("h2"))


def test_a_host_that_lies_gets_no_more_than_a_person_can_look_at(cloud: Cloud, host: Host) -> None:
    device = DeviceCondition(GPU, -1.0, 4096, 1e9, 0, 250)
    finding = HostFinding("c" * 500, "warns", "b" * 50_000 + "\0", "r", GPU)
    odd = HostFinding("x", "<script>", "y", "z", GPU)

    put_conditions(cloud.control, host.id, Conditions("h1", (device,) * 5000, (odd, *(finding,) * 5000)))

    kept = host_conditions(cloud.control, ADMIN)["h1"]
    assert (len(kept.devices), len(kept.findings)) == (1024, 255)
    assert kept.devices[0] == DeviceCondition(GPU)
    assert (len(kept.findings[0].code), len(kept.findings[0].brief)) == (64, 1000)


def test_what_was_told_goes_with_its_host(cloud: Cloud, host: Host) -> None:
    put_conditions(cloud.control, host.id, told())

    delete_host(cloud.control, ADMIN, "h1")

    assert host_conditions(cloud.control, ADMIN) == {}
