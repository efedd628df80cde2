"""Servers that are wanted together: all find a place, or none does and the refusal says how many would have."""

from dataclasses import replace

from busway.domain.ids import ServerId
from busway.domain.placement import PlacementRequest, Refusal
from busway.scheduler.explain import explain
from busway.scheduler.place import place_all
from tests.scheduler.clouds import cloud, gpus, host, request


def servers(number: int, each: PlacementRequest) -> list[PlacementRequest]:
    return [replace(each, server_id=ServerId(f"s{n}")) for n in range(number)]


def test_all_find_a_place_and_share_no_device() -> None:
    answer = place_all(cloud(host("h1", gpus("h1", 4)), host("h2", gpus("h2", 4))), servers(4, request(2)))
    assert isinstance(answer, tuple)
    taken = [device.device_id for placement in answer for device in placement.devices]
    assert len(set(taken)) == len(taken) == 8


def test_none_is_placed_when_one_finds_no_place() -> None:
    answer = place_all(cloud(host("h1", gpus("h1", 3))), servers(4, request(1)))
    assert isinstance(answer, Refusal)
    assert (answer.fitting, answer.together) == (3, 4)
    assert str(answer.remedies[0]) == "ask for 3 servers at once"
    assert explain(answer).brief.startswith(
        "No valid host was found for 1 of 4 servers that are wanted together: 1 host and 3 devices were looked at"
    )


def test_devices_of_the_others_are_told_apart_from_those_of_servers_that_are_there() -> None:
    taken = [replace(each, claimed_by=ServerId("there")) for each in gpus("h2", 2)]
    answer = place_all(cloud(host("h1", gpus("h1", 2)), host("h2", taken)), servers(5, request(1)))
    alone = place_all(cloud(host("h1", gpus("h1", 2))), servers(5, request(1)))

    assert isinstance(answer, Refusal) and isinstance(alone, Refusal)
    assert answer.count_devices() == {"belongs to another server": 2, "goes to another of these servers": 2}
    assert alone.count_devices() == {"goes to another of these servers": 2}
    assert "Delete a server" not in explain(alone).remedy


def test_a_remedy_for_one_server_that_does_not_help_all_is_not_told() -> None:
    answer = place_all(cloud(host("h1", gpus("h1", 2))), servers(5, request(1)))
    assert isinstance(answer, Refusal)
    assert [str(remedy) for remedy in answer.remedies] == ["ask for 2 servers at once"]


def test_no_server_at_all_is_placed_nowhere() -> None:
    assert place_all(cloud(), []) == ()
