"""Devices of one use, and devices whose drivers are the operator's."""

import json

import pytest

from busway.control import events
from busway.control.devices import listing as devices
from busway.control.devices.recycle import is_spent_by_use, recycle_device
from busway.control.servers.delete import delete_server
from busway.domain.device import DeviceKind
from busway.domain.device_spec import parse_device_specs
from busway.domain.errors import Conflict
from busway.domain.server import ServerStatus
from tests.control.clouds import ADMIN, Cloud, gpu

ONE_USE = '{"vendor_id": "1234", "one_time_use": "yes"}'


def status(cloud: Cloud) -> tuple[str | None, str]:
    [device] = devices.list_devices(cloud.control, ADMIN)
    return device.status, device.reason


def use_once(cloud: Cloud) -> str:
    """A server gets the device and gives it back; returns the device's id."""
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.obey()
    [device] = devices.list_devices(cloud.control, ADMIN)
    assert device.server_id == server.id
    delete_server(cloud.control, ADMIN, server.id, "req-2")
    host.report()
    return device.id


def test_a_device_of_one_use_waits_for_its_operator(cloud: Cloud) -> None:
    cloud.configure(device_specs=parse_device_specs([ONE_USE]))
    device_id = use_once(cloud)
    assert status(cloud) == ("quarantined", "its device spec says one_time_use, and it has been used")
    assert cloud.server(cloud.boot()[0].id).status is ServerStatus.ERROR

    recycle_device(cloud.control, ADMIN, "h1:" + str(gpu(0).address))

    assert status(cloud) == ("available", "")
    assert cloud.server(cloud.boot()[0].id).status is ServerStatus.BUILD
    told = events.list_events(cloud.control, ADMIN, device=device_id)
    assert ("quarantined", "available", "recycled by admin") in [(e.old, e.new, e.reason) for e in told]


def test_a_device_that_a_server_has_is_not_recycled(cloud: Cloud) -> None:
    cloud.configure(device_specs=parse_device_specs([ONE_USE]))
    cloud.host("h1")
    [server] = cloud.boot()
    with pytest.raises(Conflict, match=server.id):
        recycle_device(cloud.control, ADMIN, "h1:" + str(gpu(0).address))
    assert status(cloud)[0] == "claimed"


def test_other_devices_are_free_again_at_once(cloud: Cloud) -> None:
    use_once(cloud)
    assert status(cloud) == ("available", "")


@pytest.mark.parametrize(("kind", "spent"), [(DeviceKind.PCI, True), (DeviceKind.PF, True), (DeviceKind.VF, False)])
def test_vfs_are_never_of_one_use(kind: DeviceKind, spent: bool) -> None:
    assert is_spent_by_use(parse_device_specs([ONE_USE]), gpu(0, kind=kind)) == spent


@pytest.mark.parametrize(("value", "managed"), [("no", False), ("yes", True)])
def test_the_host_is_told_whose_business_the_driver_is(cloud: Cloud, value: str, managed: bool) -> None:
    cloud.configure(device_specs=parse_device_specs([json.dumps({"vendor_id": "1234", "managed": value})]))
    host = cloud.host("h1")
    cloud.boot()
    [server] = host.desired().servers
    assert [device.unit.is_managed for device in server.devices] == [managed]
