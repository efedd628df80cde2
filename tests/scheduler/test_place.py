"""Where servers go, why they can't, and what never happens."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from busway.domain.address import PciAddress
from busway.domain.device import DeviceKind
from busway.domain.ids import ServerId
from busway.domain.placement import HostState, Placement, Refusal
from busway.scheduler.explain import details, explain
from busway.scheduler.place import after, place
from tests.scheduler.clouds import PF, VF, cloud, gpus, host, request, state


def placed(answer: Placement | Refusal) -> Placement:
    assert isinstance(answer, Placement), explain(answer)
    return answer


def refused(answer: Placement | Refusal) -> Refusal:
    assert isinstance(answer, Refusal)
    return answer


def test_a_server_goes_where_the_device_is() -> None:
    answer = placed(place(cloud(host("h1"), host("h2", gpus("h2", 1))), request()))
    assert answer.host_id == "h2"
    assert [device.device_id for device in answer.devices] == ["h2:0000:41:00.0"]


def test_gpu_servers_fill_a_host_before_they_open_another() -> None:
    half_full = [*gpus("h2", 4)[:1], state("h2", "0000:61:00.0", 30, claimed_by=ServerId("s0"))]
    answer = placed(place(cloud(host("h1", gpus("h1", 4)), host("h2", half_full)), request()))
    assert answer.host_id == "h2"


def test_a_server_without_devices_leaves_gpu_hosts_alone() -> None:
    answer = placed(place(cloud(host("h1", gpus("h1", 4)), host("h2")), request(0)))
    assert answer.host_id == "h2"


def test_several_devices_come_from_one_numa_node_where_one_has_enough() -> None:
    answer = placed(place(cloud(host("h1", gpus("h1", 8))), request(4)))
    buses = {str(device.device_id)[8:10] for device in answer.devices}
    assert buses in ({"41", "42", "43", "44"}, {"45", "46", "47", "48"})


def test_a_card_takes_its_other_functions_along() -> None:
    card = [state("h1", "0000:42:00.0", 7), state("h1", "0000:42:00.1", 7, product_id="2668")]
    answer = placed(place(cloud(host("h1", card)), request()))
    assert [(d.device_id, d.alias) for d in answer.devices] == [("h1:0000:42:00.0", "a1"), ("h1:0000:42:00.1", None)]


def test_a_device_that_shares_its_group_with_another_slot_is_refused_by_name() -> None:
    bad = [state("h1", "0000:01:01.0", 7), state("h1", "0000:01:02.0", 7, product_id="11e8")]
    refusal = refused(place(cloud(host("h1", bad)), request()))
    assert refusal.count_devices() == {"shares its IOMMU group with another device": 1}
    assert "0000:01:02.0" in details(refusal)


def test_bridges_are_harmless_members_of_a_group() -> None:
    group = [state("h1", "0000:01:00.0", 2), state("h1", "0000:00:01.0", 2, class_code="060400", product_id="1901")]
    answer = placed(place(cloud(host("h1", group)), request()))
    assert len(answer.devices) == 1


def test_a_pf_with_an_owned_vf_is_not_given_and_the_other_way_round() -> None:
    ids = {"vendor_id": "10de", "product_id": "2330"}
    pf = state("h1", "0000:83:00.0", 1, kind=DeviceKind.PF, **ids)
    vf = state("h1", "0000:83:00.1", 2, kind=DeviceKind.VF, parent=PciAddress("0000:83:00.0"), **ids)
    owned = {"claimed_by": ServerId("s0")}
    with_vf_owned = cloud(
        host(
            "h1",
            [pf, state("h1", "0000:83:00.1", 2, kind=DeviceKind.VF, parent=PciAddress("0000:83:00.0"), **ids, **owned)],
        )
    )
    with_pf_owned = cloud(host("h1", [state("h1", "0000:83:00.0", 1, kind=DeviceKind.PF, **ids, **owned), vf]))
    assert isinstance(place(cloud(host("h1", [pf, vf])), request(alias=PF)), Placement)
    assert isinstance(place(with_vf_owned, request(alias=PF)), Refusal)
    assert isinstance(place(with_pf_owned, request(alias=VF)), Refusal)


def test_a_refusal_counts_hosts_and_devices_and_says_what_to_do() -> None:
    taken = [state("h1", "0000:41:00.0", 1, claimed_by=ServerId("s0")), state("h1", "0000:42:00.0", 2, offered=False)]
    down = host("h2", gpus("h2", 2), up=False, down_reason="its agent has never reported")
    error = explain(refused(place(cloud(host("h1", taken), down, host("h3", free_ram_mb=100)), request())))
    assert error.brief == (
        "No valid host was found: 3 hosts and 4 devices were looked at; "
        "ComputeFilter excluded 1, PciPassthroughFilter excluded 1, RamFilter excluded 1"
    )
    assert "h1 (PciPassthroughFilter): 1 of alias a1 (1234:1111) wanted, 0 free of 2" in error.detail
    assert "1 belongs to another server; 1 no device_spec offers it" in error.detail
    assert "h2 (ComputeFilter): its agent has never reported" in error.detail
    assert "Delete a server that holds such a device" in error.remedy


def test_an_empty_cloud_says_how_to_add_a_host() -> None:
    assert "busway host create" in explain(refused(place(cloud(), request()))).remedy


def test_two_requests_of_one_server_never_share_a_device() -> None:
    double = request(pci=(*request(1).pci, *request(1).pci))
    assert isinstance(place(cloud(host("h1", gpus("h1", 1))), double), Refusal)
    answer = placed(place(cloud(host("h1", gpus("h1", 2))), double))
    assert len({device.device_id for device in answer.devices}) == 2


@st.composite
def hosts(draw: st.DrawFn) -> HostState:
    name = f"h{draw(st.integers(0, 99))}"
    devices = []
    for slot in range(draw(st.integers(0, 6))):
        group = draw(st.integers(0, 4))
        for function in range(draw(st.integers(1, 2))):
            devices.append(
                state(
                    name,
                    f"0000:41:{slot:02x}.{function}",
                    draw(st.sampled_from([group, None])),
                    offered=draw(st.booleans()),
                    present=draw(st.booleans()),
                    numa_node=draw(st.sampled_from([0, 1, None])),
                    product_id=draw(st.sampled_from(["1111", "2668"])),
                    claimed_by=draw(st.sampled_from([None, None, ServerId("other")])),
                )
            )
    return host(name, devices, up=draw(st.booleans()))


@given(st.lists(hosts(), max_size=4, unique_by=lambda h: h.name), st.integers(1, 3), st.integers(1, 6))
def test_no_device_is_given_twice_and_no_group_is_split(all_hosts: list[HostState], count: int, servers: int) -> None:
    snapshot = cloud(*all_hosts)
    owners: dict[str, str] = {d.id: str(d.claimed_by) for h in all_hosts for d in h.devices if d.claimed_by}
    for number in range(servers):
        wanted = request(count, server_id=ServerId(f"s{number}"))
        answer = place(snapshot, wanted)
        if isinstance(answer, Refusal):
            assert len(answer.hosts) == len(all_hosts)
            continue
        assert sum(1 for device in answer.devices if device.alias) == count
        for claimed in answer.devices:
            assert claimed.device_id not in owners
            owners[claimed.device_id] = f"s{number}"
        snapshot = after(snapshot, wanted, answer)
    for each in all_hosts:
        groups: dict[int, Counter[str]] = {}
        for device in each.devices:
            owner = owners.get(device.id)
            if device.present and device.device.iommu_group is not None:
                groups.setdefault(device.device.iommu_group, Counter())[owner or "-"] += 1
        for members in groups.values():
            new_owners = [owner for owner in members if owner.startswith("s")]
            assert len(new_owners) <= 1
            if new_owners:
                assert len(members) == 1, "a group was split between a server and others"


@given(st.lists(hosts(), max_size=4, unique_by=lambda h: h.name))
def test_equal_snapshots_give_equal_answers(all_hosts: list[HostState]) -> None:
    assert place(cloud(*all_hosts), request()) == place(cloud(*all_hosts), request())


def test_a_device_is_not_given_while_what_vanished_from_its_group_has_an_owner() -> None:
    gone = state("h1", "0000:41:00.0", 10, present=False, claimed_by=ServerId("other"))
    left = state("h1", "0000:42:00.0", 10)
    refusal = place(cloud(host("h1", [gone, left])), request())
    assert isinstance(refusal, Refusal)
    free = place(cloud(host("h1", [replace(gone, claimed_by=None), left])), request())
    assert isinstance(free, Placement)
