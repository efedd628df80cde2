"""Which devices of a host are chosen: near each other, whole sets left whole, and nobody refused who could be served."""

from typing import Any

import pytest
from hypothesis import given

from busway.domain.address import PciAddress
from busway.domain.alias import Alias, AliasSpec, PciRequest
from busway.domain.device import DeviceKind
from busway.domain.device_tags import DeviceTags
from busway.domain.ids import ServerId
from busway.domain.placement import DeviceState, HostState, NumaCell, Placement, Refusal, Snapshot
from busway.domain.within import Within
from busway.scheduler.place import place
from busway.scheduler.policy import Policy
from tests.scheduler.clouds import A1, VF, cloud, gpus, host, request, state
from tests.scheduler.generated import pci_requests, snapshots
from tests.scheduler.plain import can_be_served

GPU = Alias("gpu", (AliasSpec("1234", "1111"),))
AUDIO = Alias("audio", (AliasSpec("1234", "2668"),))
EITHER = Alias("either", (AliasSpec("1234", "1111"), AliasSpec("1234", "2222")))
ROOMY: dict[str, Any] = {
    "free_vcpus": 99,
    "free_ram_mb": 99999,
    "free_disk_gb": 99,
    "up": True,
    "enabled": True,
    "zone": "nova",
}


def lands(*hosts: HostState, count: int = 1, policy: Policy | None = None, **changes: object) -> Placement:
    answer = place(cloud(*hosts), request(count, **changes), policy or Policy())  # type: ignore[arg-type]
    assert isinstance(answer, Placement)
    return answer


def chosen(placement: Placement) -> list[str]:
    return [str(device.device_id).partition(":")[2] for device in placement.devices]


def gpu(bus: int, **changes: object) -> DeviceState:
    return state("h1", f"0000:{bus:02x}:00.0", bus, **changes)


def free_on_nodes(name: str, *counts: int) -> HostState:
    """A host with as many free GPUs on each NUMA node."""
    nodes = [node for node, count in enumerate(counts) for _ in range(count)]
    return host(name, [state(name, f"0000:{0x41 + n:02x}:00.0", n, numa_node=node) for n, node in enumerate(nodes)])


@pytest.mark.thorough
@given(snapshots(least=1), pci_requests)
def test_a_host_is_refused_only_if_no_choice_of_devices_serves_all_requests(
    snapshot: Snapshot, pci: tuple[PciRequest, ...]
) -> None:
    from dataclasses import replace

    for each in snapshot.hosts:
        roomy = replace(each, **ROOMY)
        answer = place(Snapshot((roomy,)), request(pci=pci))
        if not isinstance(answer, Placement):
            assert not can_be_served(roomy, pci)


def test_a_request_does_not_take_what_another_needs() -> None:
    devices = [gpu(0x41), gpu(0x42, product_id="2222")]
    answer = lands(host("h1", devices), pci=(PciRequest(EITHER, 1), PciRequest(GPU, 1)))
    assert [(d.device_id[8:10], d.alias) for d in answer.devices] == [("42", "either"), ("41", "gpu")]


def test_a_gpu_and_its_audio_function_may_be_asked_for_by_name() -> None:
    card = [state("h1", "0000:42:00.0", 7), state("h1", "0000:42:00.1", 7, product_id="2668")]
    for pci in ((PciRequest(GPU, 1), PciRequest(AUDIO, 1)), (PciRequest(AUDIO, 1), PciRequest(GPU, 1))):
        answer = lands(host("h1", card), pci=pci)
        assert {(d.device_id[-1], d.alias) for d in answer.devices} == {("0", "gpu"), ("1", "audio")}


def test_a_single_device_comes_from_the_smallest_set() -> None:
    assert chosen(lands(free_on_nodes("h1", 4, 1), count=1)) == ["0000:45:00.0"]
    assert lands(free_on_nodes("h1", 4, 0), free_on_nodes("h2", 4, 1)).host_id == "h2"


def test_the_largest_whole_sets_stay_free() -> None:
    hosts = [free_on_nodes("h1", 4, 4), free_on_nodes("h2", 4, 2), free_on_nodes("h3", 3, 3)]
    assert lands(*hosts, count=2).host_id == "h2"
    assert lands(*hosts, count=4).host_id == "h2"
    assert lands(*hosts, count=8).host_id == "h1"


def test_a_host_where_all_lie_on_one_node_goes_before_one_that_would_be_filled() -> None:
    assert lands(free_on_nodes("h1", 1, 1), free_on_nodes("h2", 4, 4), count=2).host_id == "h2"


def test_devices_under_one_switch_go_together_where_switches_are_known() -> None:
    left, right = PciAddress("0000:40:00.0"), PciAddress("0000:50:00.0")
    devices = [gpu(0x61 + n, switch=left if n % 2 else right) for n in range(6)]
    buses = {int(each[5:7], 16) % 2 for each in chosen(lands(host("h1", devices), count=3))}
    assert len(buses) == 1


def test_devices_with_fewer_tags_go_first() -> None:
    devices = [gpu(0x41, tags=DeviceTags(trusted=True, count=1)), gpu(0x42)]
    assert chosen(lands(host("h1", devices))) == ["0000:42:00.0"]


def test_a_vf_comes_from_the_card_that_is_in_use_already() -> None:
    ids = {"vendor_id": "10de", "product_id": "2330"}
    devices = []
    for bus, taken in ((0x81, False), (0x82, True)):
        parent = PciAddress(f"0000:{bus}:00.0".replace(str(bus), f"{bus:02x}"))
        devices.append(state("h1", str(parent), bus, kind=DeviceKind.PF, **ids))
        for n in range(1, 4):
            owner = ServerId("s0") if taken and n == 1 else None
            vf = {"kind": DeviceKind.VF, "parent": parent, "claimed_by": owner, **ids}
            devices.append(state("h1", f"0000:{bus:02x}:00.{n}", 100 * bus + n, **vf))
    assert chosen(lands(host("h1", devices), alias=VF)) == ["0000:82:00.2"]


@pytest.mark.parametrize(("policy", "lands_on"), [(Policy(), "h2"), (Policy(fragmentation_weight=-1), "h1")])
def test_servers_are_stacked_or_spread_as_the_policy_says(policy: Policy, lands_on: str) -> None:
    assert lands(free_on_nodes("h1", 4), free_on_nodes("h2", 2), policy=policy).host_id == lands_on


def test_ram_stacks_or_spreads_by_the_sign_of_its_weight() -> None:
    hosts = host("h1", free_ram_mb=9000), host("h2", free_ram_mb=1000), host("h3", free_ram_mb=9000)
    found = [lands(*hosts, count=0, policy=Policy(ram_weight=weight)).host_id for weight in (-1.0, 0.0, 1.0)]
    assert found == ["h2", "h1", "h1"]


def test_a_companion_that_is_a_pf_with_owned_vfs_keeps_its_card_from_others() -> None:
    parent = PciAddress("0000:42:00.1")
    card = [
        state("h1", "0000:42:00.0", 7),
        state("h1", "0000:42:00.1", 7, kind=DeviceKind.PF, vendor_id="10de", product_id="2330"),
        state("h1", "0000:42:01.0", 8, kind=DeviceKind.VF, parent=parent, claimed_by=ServerId("s0")),
    ]
    assert not isinstance(place(cloud(host("h1", card)), request(alias=A1)), Placement)


def test_a_thousand_devices_of_one_request_are_refused_at_once() -> None:
    answer = place(cloud(host("h1", gpus("h1", 8))), request(999_999_999))
    assert not isinstance(answer, Placement)


LEFT, RIGHT = PciAddress("0000:40:00.0"), PciAddress("0000:50:00.0")


def _pci(count: int, within: Within) -> dict[str, Any]:
    return {"pci": (PciRequest(GPU, count, within=within),)}


def test_devices_that_are_wanted_within_one_switch_lie_below_one() -> None:
    devices = [gpu(0x61 + n, switch=LEFT if n < 3 else RIGHT) for n in range(5)]

    assert chosen(lands(host("h1", devices), **_pci(2, Within.SWITCH))) == ["0000:64:00.0", "0000:65:00.0"]
    assert [each[5:7] for each in chosen(lands(host("h1", devices), **_pci(3, Within.SWITCH)))] == ["61", "62", "63"]


def test_too_few_below_one_switch_are_refused_with_what_would_help() -> None:
    busy = gpu(0x61, switch=LEFT, claimed_by=ServerId("other"))
    devices = [busy, *(gpu(0x62 + n, switch=LEFT if n < 2 else RIGHT) for n in range(4))]

    answer = place(cloud(host("h1", devices)), request(**_pci(3, Within.SWITCH)))

    assert isinstance(answer, Refusal)
    assert answer.classes[0].reason == (
        "3 of alias gpu (1234:1111) within one switch wanted; the most that are free within one: 2 of alias gpu"
    )
    told = [str(remedy) for remedy in answer.remedies]
    assert told == [
        "let the devices lie apart: take a flavor without busway:pci_within=switch",
        "delete server other on host h1",
    ]


def test_a_socket_holds_the_devices_of_its_nodes() -> None:
    cells = tuple(NumaCell(n, 8, 8192, socket=n // 2) for n in range(4))
    nodes = [0, 1, 2, 2, 3]
    there = host("h1", [gpu(0x61 + n, numa_node=node) for n, node in enumerate(nodes)], cells=cells)

    assert [each[5:7] for each in chosen(lands(there, **_pci(3, Within.SOCKET)))] == ["63", "64", "65"]
    assert [each[5:7] for each in chosen(lands(there, **_pci(2, Within.NUMA)))] == ["63", "64"]
    assert isinstance(place(cloud(there), request(**_pci(3, Within.NUMA))), Refusal)


def test_devices_of_several_aliases_lie_within_one_switch_together() -> None:
    devices = [gpu(0x61, switch=LEFT), gpu(0x62, switch=RIGHT), gpu(0x63, switch=RIGHT, product_id="2222")]
    nic = Alias("nic", (AliasSpec("1234", "2222"),))
    pci = (PciRequest(GPU, 1, within=Within.SWITCH), PciRequest(nic, 1, within=Within.SWITCH))

    assert chosen(lands(host("h1", devices), pci=pci)) == ["0000:62:00.0", "0000:63:00.0"]
