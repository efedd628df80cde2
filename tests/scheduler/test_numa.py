"""The PCI NUMA policies with the answers that Nova's own code gives for the same GPUs and cells."""

from dataclasses import replace

import pytest

from busway.domain.alias import PciRequest
from busway.domain.ids import ServerId
from busway.domain.numa_policy import NumaPolicy
from busway.domain.placement import GuestCell, HostState, NumaCell, Placement, Refusal
from busway.scheduler.place import after, place
from tests.scheduler.clouds import A1, cloud, host, request, state

# Two GPUs on each of four nodes; the nodes 0 and 1 are one socket, 2 and 3 the other. Only node 0 has vCPUs for guests.
CELLS = tuple(NumaCell(n, 8 if n == 0 else 0, 8192, socket=n // 2) for n in range(4))


def gpu_host(cells: tuple[NumaCell, ...] = CELLS, **changes: object) -> HostState:
    nodes = [0, 0, 1, 1, 2, 2, 3, 3]
    devices = [state("h1", f"0000:{0x41 + n:02x}:00.0", n, numa_node=node) for n, node in enumerate(nodes)]
    return host("h1", devices, cells=cells, **changes)


def nodes_of(answer: Placement | Refusal, on: HostState) -> list[int] | str:
    if isinstance(answer, Refusal):
        return answer.classes[0].rule
    known = {each.id: each.device.numa_node for each in on.devices}
    return sorted(known[device.device_id] or 0 for device in answer.devices)


@pytest.mark.parametrize(
    ("policy", "count", "found"),
    [
        (NumaPolicy.REQUIRED, 2, [0, 0]),
        (NumaPolicy.REQUIRED, 3, "NUMATopologyFilter"),
        (NumaPolicy.LEGACY, 3, "NUMATopologyFilter"),
        (NumaPolicy.SOCKET, 3, [0, 0, 1]),
        (NumaPolicy.PREFERRED, 3, [0, 0, 1]),
        (NumaPolicy.SOCKET, 4, [0, 0, 1, 1]),
        (NumaPolicy.SOCKET, 5, "NUMATopologyFilter"),
        (NumaPolicy.PREFERRED, 2, [0, 0]),
        (NumaPolicy.PREFERRED, 8, [0, 0, 1, 1, 2, 2, 3, 3]),
    ],
)
def test_a_guest_with_one_cell_gets_devices_as_near_as_its_policy_says(
    policy: NumaPolicy, count: int, found: object
) -> None:
    there = gpu_host()
    wanted = request(pci=(PciRequest(A1, count, policy),), numa_nodes=1)
    assert nodes_of(place(cloud(there), wanted), there) == found


def test_two_devices_for_a_guest_of_two_cells_may_lie_on_one_of_them() -> None:
    there = gpu_host(tuple(NumaCell(n, 8 if n < 2 else 0, 8192, socket=n // 2) for n in range(4)))
    wanted = request(pci=(PciRequest(A1, 2, NumaPolicy.REQUIRED),), numa_nodes=2, vcpus=2)
    assert nodes_of(place(cloud(there), wanted), there) == [0, 0]


def test_preferred_takes_what_the_guest_s_own_cell_has_first() -> None:
    there = gpu_host()
    there = replace(there, devices=(replace(there.devices[0], claimed_by=ServerId("s7")), *there.devices[1:]))
    wanted = request(pci=(PciRequest(A1, 3, NumaPolicy.PREFERRED),), numa_nodes=1)
    found = nodes_of(place(cloud(there), wanted), there)
    assert found[0] == 0
    assert found[1] == found[2]


def test_cells_of_different_sizes_are_laid_where_each_has_room() -> None:
    cells = (NumaCell(0, 2, 2048, 0), NumaCell(1, 6, 6144, 1))
    sizes = (GuestCell(6, 6144), GuestCell(2, 2048))
    wanted = request(0, numa_nodes=2, numa_sizes=sizes, vcpus=8, ram_mb=8192)
    answer = place(cloud(host("h1", cells=cells)), wanted)
    assert isinstance(answer, Placement)
    assert answer.cells == (1, 0)
    left = after(cloud(host("h1", cells=cells)), wanted, answer).hosts[0].cells
    assert [(cell.free_vcpus, cell.free_ram_mb) for cell in left] == [(0, 0), (0, 0)]


def test_a_cell_of_a_guest_never_has_more_vcpus_than_the_host_s_cell_has_cpus() -> None:
    overcommitted = host("h1", cells=(NumaCell(0, 32, 65536, 0, cpus=8),))
    assert isinstance(place(cloud(overcommitted), request(0, numa_nodes=1, vcpus=8)), Placement)
    assert isinstance(place(cloud(overcommitted), request(0, numa_nodes=1, vcpus=9)), Refusal)


def test_what_does_not_divide_evenly_goes_to_the_first_cells() -> None:
    assert request(0, numa_nodes=2, vcpus=5, ram_mb=1025).cells == (GuestCell(3, 513), GuestCell(2, 512))


@pytest.mark.parametrize("policy", list(NumaPolicy))
def test_no_policy_restricts_a_guest_without_cells(policy: NumaPolicy) -> None:
    assert isinstance(place(cloud(gpu_host()), request(pci=(PciRequest(A1, 8, policy),))), Placement)


def test_a_device_whose_node_is_not_known_is_enough_for_legacy_only() -> None:
    unknown = host("h1", [state("h1", "0000:41:00.0", 1, numa_node=None)], cells=CELLS)
    fits = {
        policy: isinstance(place(cloud(unknown), request(pci=(PciRequest(A1, 1, policy),), numa_nodes=1)), Placement)
        for policy in NumaPolicy
    }
    assert fits == {
        NumaPolicy.REQUIRED: False,
        NumaPolicy.LEGACY: True,
        NumaPolicy.PREFERRED: True,
        NumaPolicy.SOCKET: False,
    }


def test_without_the_sockets_of_all_cells_the_socket_policy_fits_nowhere() -> None:
    cells = (*CELLS[:3], NumaCell(3, 0, 0, socket=None))
    wanted = request(pci=(PciRequest(A1, 1, NumaPolicy.SOCKET),), numa_nodes=1)
    assert isinstance(place(cloud(gpu_host(cells)), wanted), Refusal)


def test_cells_are_chosen_with_room_for_the_guest_and_are_taken() -> None:
    cells = tuple(NumaCell(n, 4, 4096, socket=0) for n in range(2))
    snapshot = cloud(gpu_host(cells))
    chosen = []
    for number in range(3):
        wanted = request(
            pci=(PciRequest(A1, 1, NumaPolicy.REQUIRED),),
            numa_nodes=1,
            vcpus=4,
            ram_mb=2048,
            server_id=ServerId(f"s{number}"),
        )
        answer = place(snapshot, wanted)
        if isinstance(answer, Refusal):
            assert answer.classes[0].rule == "NUMATopologyFilter"
            assert "cell 0: 0 vCPUs, 2048 MB free" in answer.classes[0].reason
            break
        chosen.append(answer.cells)
        snapshot = after(snapshot, wanted, answer)
    assert sorted(chosen) == [(0,), (1,)]


def test_a_guest_of_two_cells_gets_half_of_itself_on_each() -> None:
    cells = tuple(NumaCell(n, 4, 4096, socket=0) for n in range(2))
    wanted = request(0, numa_nodes=2, vcpus=8, ram_mb=8192)
    answer = place(cloud(host("h1", cells=cells)), wanted)
    assert isinstance(answer, Placement)
    assert answer.cells == (0, 1)
    assert after(cloud(host("h1", cells=cells)), wanted, answer).hosts[0].cells == tuple(
        NumaCell(n, 0, 0, socket=0) for n in range(2)
    )


def test_a_guest_without_devices_leaves_the_nodes_of_free_gpus_alone() -> None:
    there = gpu_host(tuple(NumaCell(n, 8, 8192, socket=0) for n in range(5)))
    answer = place(cloud(there), request(0, numa_nodes=1))
    assert isinstance(answer, Placement)
    assert answer.cells == (4,)


def test_where_a_host_does_not_tell_its_cells_the_nodes_of_its_devices_count() -> None:
    there = gpu_host(())
    wanted = request(pci=(PciRequest(A1, 2, NumaPolicy.REQUIRED),), numa_nodes=1)
    answer = place(cloud(there), wanted)
    assert isinstance(answer, Placement)
    assert answer.cells == ()
    assert len(set(nodes_of(answer, there))) == 1
