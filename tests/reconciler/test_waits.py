"""Who waits for a device that another server still has."""

from busway.domain.address import PciAddress
from busway.domain.documents import Desired
from busway.domain.grant import Attachment
from busway.domain.ids import ServerId, UnitName
from busway.domain.server import PowerState
from busway.reconciler import LocalServer, LocalState, waits
from busway.reconciler.waits import Wait
from busway.testing.stage import ONE, TWO, desired_server, held_function

GPU, OTHER = PciAddress("0000:41:00.0"), PciAddress("0000:42:00.0")
THREE = ServerId("33333333-3333-4333-8333-333333333333")


def naming(server_id: ServerId, *devices: PciAddress, power: PowerState = PowerState.SHUTOFF) -> LocalServer:
    """A server whose domain names the devices."""
    return LocalServer(server_id, power=power, attached=tuple(Attachment(UnitName(str(each))) for each in devices))


def test_whoever_holds_a_device_and_whoever_names_it_are_waited_for() -> None:
    local = LocalState((naming(TWO, GPU),), held=(held_function(GPU, ONE, "nouveau"),))

    found = waits(Desired("h", 1, (desired_server(THREE, GPU),)), local)

    assert found == (Wait(THREE, f"{GPU} is still held for server {', '.join(sorted([ONE, TWO]))}"),)


def test_all_servers_whose_domains_name_a_device_are_waited_for() -> None:
    local = LocalState((naming(ONE, GPU), naming(TWO, GPU)))

    (wait,) = waits(Desired("h", 1, (desired_server(THREE, GPU),)), local)

    assert ONE in wait.reason and TWO in wait.reason


def test_all_servers_that_a_device_is_held_for_are_waited_for() -> None:
    local = LocalState(held=(held_function(GPU, ONE, "nouveau"), held_function(GPU, TWO, "nouveau")))

    (wait,) = waits(Desired("h", 1, (desired_server(THREE, GPU),)), local)

    assert ONE in wait.reason and TWO in wait.reason


def test_each_device_that_is_not_free_is_named() -> None:
    local = LocalState(held=(held_function(GPU, ONE, "nouveau"), held_function(OTHER, TWO, "nouveau")))

    (wait,) = waits(Desired("h", 1, (desired_server(THREE, GPU, OTHER),)), local)

    assert wait.reason == f"{GPU} is still held for server {ONE}; {OTHER} is still held for server {TWO}"


def test_the_owners_of_one_device_are_not_those_of_another() -> None:
    local = LocalState(
        (naming(ONE, GPU), naming(TWO, OTHER)),
        held=(held_function(GPU, ONE, "nouveau"), held_function(OTHER, TWO, "nouveau")),
    )

    assert waits(Desired("h", 1, (desired_server(ONE, GPU), desired_server(TWO, OTHER))), local) == ()


def test_a_server_that_runs_waits_for_nobody() -> None:
    local = LocalState((naming(ONE, GPU, power=PowerState.RUNNING), naming(TWO, GPU)))

    assert waits(Desired("h", 1, (desired_server(ONE, GPU),)), local) == ()
