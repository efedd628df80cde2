"""Devices that vanish, come back or turn into something else, free and while a server has them."""

import pytest

from busway.control import events
from busway.control.devices import listing as devices
from busway.control.servers.delete import delete_server
from busway.domain.claim import ClaimState
from busway.domain.device import DeviceKind
from busway.domain.grant import Fault
from busway.domain.ids import ServerId
from busway.domain.server import ServerStatus
from busway.domain.status import DeviceStatus
from busway.domain.units import WholeFunction
from busway.testing.stage import held_function
from tests.control.clouds import ADMIN, Cloud, Host, gpu


def status(cloud: Cloud) -> str | None:
    return devices.list_devices(cloud.control, ADMIN)[0].status


def last_event(cloud: Cloud) -> tuple[str | None, str, str]:
    device = devices.list_devices(cloud.control, ADMIN)[0]
    event = events.list_events(cloud.control, ADMIN, device=device.id)[-1]
    return event.old, event.new, event.reason


def running(cloud: Cloud) -> tuple[Host, ServerId]:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.report([server.id])
    return host, server.id


def test_a_free_device_that_turns_into_a_pf_is_no_longer_given_to_who_did_not_ask_for_one(cloud: Cloud) -> None:
    host = cloud.host("h1")
    host.inventory = (gpu(0, kind=DeviceKind.PF),)
    host.report()
    assert last_event(cloud) == ("type-PCI", "type-PF", "its host reports it as type-PF, it was type-PCI")
    [server] = cloud.boot()
    assert server.status is ServerStatus.ERROR


def test_a_device_in_use_that_turns_into_a_pf_stays_with_its_server_and_is_a_pf_when_freed(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    host.inventory = (gpu(0, kind=DeviceKind.PF),)
    host.report([server_id])
    assert status(cloud) == DeviceStatus.ALLOCATED
    assert last_event(cloud)[2] == f"its host reports it as type-PF, it was type-PCI; server {server_id} keeps it"
    assert cloud.server(server_id).status is ServerStatus.ACTIVE
    delete_server(cloud.control, ADMIN, server_id, "req-2")
    host.report()
    assert status(cloud) == DeviceStatus.AVAILABLE
    assert cloud.boot("next")[0].status is ServerStatus.ERROR


def test_virtual_functions_that_appear_under_a_device_in_use_are_given_to_nobody(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    parent = gpu(0, kind=DeviceKind.PF)
    virtual = gpu(1, kind=DeviceKind.VF, parent=parent.address)
    host.inventory = (parent, virtual)
    host.report([server_id])
    assert devices.list_devices(cloud.control, ADMIN)[1].status == DeviceStatus.UNAVAILABLE
    assert cloud.boot("next")[0].status is ServerStatus.ERROR
    delete_server(cloud.control, ADMIN, server_id, "req-2")
    host.report()
    assert cloud.boot("last")[0].status is ServerStatus.BUILD


def test_a_device_that_vanishes_while_in_use_stays_with_its_server_and_leaves_when_freed(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    host.inventory = ()
    host.report([server_id])
    old, new, reason = last_event(cloud)
    assert (old, new) == ("allocated", "removed")
    assert f"server {server_id} keeps its claim" in reason
    assert status(cloud) == DeviceStatus.ALLOCATED
    delete_server(cloud.control, ADMIN, server_id, "req-2")
    host.report()
    assert status(cloud) == DeviceStatus.REMOVED
    assert last_event(cloud)[:2] == ("releasing", "removed")


def test_a_device_that_comes_back_is_still_its_servers(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    host.inventory = ()
    host.report([server_id])
    host.inventory = (gpu(0),)
    host.report([server_id])
    assert last_event(cloud)[:2] == ("removed", ClaimState.ALLOCATED)
    assert cloud.boot("next")[0].status is ServerStatus.ERROR


def test_another_card_in_the_place_of_one_in_use_is_never_given_to_its_server(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    host.inventory = (gpu(0, product_id="beef"),)
    host.report([server_id])
    assert [grant.unit for grant in host.desired().servers[0].devices] == [
        WholeFunction(gpu(0).address, "1234", "1111")
    ]
    assert last_event(cloud)[:2] == ("allocated", "removed")
    host.report([server_id])
    delete_server(cloud.control, ADMIN, server_id, "req-2")
    host.report()
    host.report()
    assert devices.list_devices(cloud.control, ADMIN)[0].product_id == "beef"
    assert last_event(cloud)[:2] == ("removed", "available")


def test_a_quarantined_device_that_vanishes_leaves_quarantine_with_it(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    delete_server(cloud.control, ADMIN, server_id, "req-2")
    fault = Fault("GiveBackDevice", "The reset failed", "FLR timed out")
    host.report(held=[held_function(gpu(0).address, cloud.server(server_id).id, None, fault)])
    host.inventory = ()
    host.report()
    assert status(cloud) == DeviceStatus.REMOVED
    host.inventory = (gpu(0),)
    host.report()
    assert status(cloud) == DeviceStatus.AVAILABLE


@pytest.mark.parametrize("kind", [DeviceKind.VF, DeviceKind.PF])
def test_the_same_report_twice_changes_nothing(cloud: Cloud, kind: DeviceKind) -> None:
    host, server_id = running(cloud)
    host.inventory = (gpu(0, kind=kind),)
    host.report([server_id])
    before = len(events.list_events(cloud.control, ADMIN))
    host.report([server_id])
    assert len(events.list_events(cloud.control, ADMIN)) == before
