"""CPUs that a server has for itself: which of a host's are chosen, and that none is chosen twice."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.domain.alias import PciRequest
from busway.domain.dedicated_cpus import SHARED, GuestCpus, ThreadPolicy
from busway.domain.ids import ServerId
from busway.domain.numa_policy import NumaPolicy
from busway.domain.placement import GuestCell, NumaCell, Placement, PlacementRequest, Refusal, Snapshot
from busway.scheduler.dedicated import choose_cpus
from busway.scheduler.explain import explain
from busway.scheduler.place import after, place
from tests.scheduler.clouds import A1, cloud, host, request, state

PREFER, ISOLATE, REQUIRE = ThreadPolicy.PREFER, ThreadPolicy.ISOLATE, ThreadPolicy.REQUIRE
# Four cores of two threads, as Linux numbers them.
SMT = ((0, 8), (1, 9), (2, 10), (3, 11))


def cell(cores: tuple[tuple[int, ...], ...] = SMT, held: tuple[int, ...] = ()) -> NumaCell:
    return NumaCell(0, 0, 8192, 0, 0, cores, frozenset(held))


@pytest.mark.parametrize(
    ("policy", "vcpus", "held", "found"),
    [
        (PREFER, 2, (), GuestCpus((0, 8), (0, 8))),
        (PREFER, 3, (), GuestCpus((0, 8, 1), (0, 1, 8))),
        (PREFER, 1, (1,), GuestCpus((9,), (9,))),  # the rest of a core that is broken already
        (PREFER, 3, (1,), GuestCpus((0, 8, 9), (0, 8, 9))),
        (PREFER, 3, (0, 1, 2, 3), GuestCpus((8, 9, 10), (8, 9, 10))),
        (PREFER, 5, (0, 1, 2, 3), None),
        (ISOLATE, 3, (), GuestCpus((0, 1, 2), (0, 1, 2, 8, 9, 10))),
        (ISOLATE, 4, (11,), None),
        (ISOLATE, 5, (), None),
        (REQUIRE, 4, (0,), GuestCpus((1, 9, 2, 10), (1, 2, 9, 10))),
        (REQUIRE, 3, (), GuestCpus((0, 8, 1), (0, 1, 8))),
        (REQUIRE, 2, (0, 1, 2, 3), None),
    ],
)
def test_each_thread_policy_takes_its_own_cpus(
    policy: ThreadPolicy, vcpus: int, held: tuple[int, ...], found: GuestCpus | None
) -> None:
    assert choose_cpus(cell(held=held), GuestCell(vcpus, 512, policy)) == found


@pytest.mark.parametrize(
    ("policy", "vcpus", "shared", "held", "found"),
    [
        (PREFER, 2, (), (), GuestCpus((0, 8), (0, 1, 8), (1,))),
        (ISOLATE, 2, (), (), GuestCpus((0, 1), (0, 1, 2, 8, 9, 10), (2,))),
        (REQUIRE, 3, (), (0,), GuestCpus((1, 9, 2), (1, 2, 9, 10), (10,))),
        (ISOLATE, 4, (), (), None),
        (PREFER, 3, (0, 2), (), GuestCpus((SHARED, 0, SHARED), (0, 8), (8,))),
        (PREFER, 2, (0, 1), (), GuestCpus((SHARED, SHARED), (0,), (0,))),
    ],
)
def test_the_emulator_has_one_cpu_more_and_shared_vcpus_none(
    policy: ThreadPolicy, vcpus: int, shared: tuple[int, ...], held: tuple[int, ...], found: GuestCpus | None
) -> None:
    mine = GuestCell(vcpus, 512, policy, frozenset(shared), emulator=True)
    assert choose_cpus(cell(held=held), mine) == found


def test_the_emulator_s_cpu_is_of_the_first_cell_alone() -> None:
    answer = place(cloud(host("h1", cells=TWO_CELLS)), wanted(3, numa_nodes=2, emulator=True))

    assert isinstance(answer, Placement)
    assert answer.cpus == (GuestCpus((0, 8), (0, 1, 8), (1,)), GuestCpus((4,), (4,)))


MIXED_CELLS = (NumaCell(0, 2, 8192, 0, 2, ((0, 8), (1, 9))), NumaCell(1, 1, 8192, 1, 2, ((4, 12), (5, 13))))


def test_a_mixed_guest_takes_shared_vcpus_and_cpus_of_its_own_of_the_same_node() -> None:
    there = cloud(host("h1", cells=MIXED_CELLS, free_vcpus=3))
    want = wanted(4, shared=frozenset({0, 1}))
    answer = place(there, want)

    assert isinstance(answer, Placement)
    assert (answer.cells, answer.cpus) == ((0,), (GuestCpus((SHARED, SHARED, 0, 8), (0, 8)),))
    left = after(there, want, answer).hosts[0]
    assert (left.free_vcpus, [each.free_vcpus for each in left.cells]) == (1, [0, 1])
    refused = place(after(there, want, answer), replace(want, server_id=ServerId("other")))
    assert isinstance(refused, Refusal) and refused.classes[0].rule == "CoreFilter"


def test_a_mixed_guest_is_refused_where_no_node_has_room_for_both_of_its_parts() -> None:
    answer = place(cloud(host("h1", cells=MIXED_CELLS[1:], free_vcpus=8)), wanted(4, shared=frozenset({0, 1})))

    assert isinstance(answer, Refusal)
    reason = answer.classes[0].reason
    assert "2 dedicated CPUs and 2 vCPUs on shared ones" in reason
    assert "cell 1: 4 dedicated CPUs (2 whole cores), 1 vCPUs" in reason


def test_vcpus_of_a_mixed_guest_are_counted_through_its_cells() -> None:
    answer = place(
        cloud(host("h1", cells=MIXED_CELLS, free_vcpus=3)), wanted(4, numa_nodes=2, shared=frozenset({0, 3}))
    )

    assert isinstance(answer, Placement)
    assert [cpus.pins for cpus in answer.cpus] == [(SHARED, 0), (4, SHARED)]


def test_cores_without_siblings_are_enough_but_for_require() -> None:
    single = cell(((4,), (5,), (6,)))
    assert choose_cpus(single, GuestCell(2, 512, PREFER)) == GuestCpus((4, 5), (4, 5))
    assert choose_cpus(single, GuestCell(2, 512, ISOLATE)) == GuestCpus((4, 5), (4, 5))
    assert choose_cpus(single, GuestCell(2, 512, REQUIRE)) is None


def wanted(vcpus: int, policy: ThreadPolicy = PREFER, pci: int = 0, **changes: object) -> PlacementRequest:
    devices = (PciRequest(A1, pci, NumaPolicy.REQUIRED),) if pci else ()
    return replace(request(0, vcpus=vcpus, ram_mb=512, threads=policy), pci=devices, **changes)  # type: ignore[arg-type]


TWO_CELLS = (
    NumaCell(0, 0, 8192, 0, 0, ((0, 8), (1, 9))),
    NumaCell(1, 0, 8192, 1, 0, ((4, 12), (5, 13))),
)
GPU_ON_1 = [state("h1", "0000:41:00.0", 1, numa_node=1)]


def test_dedicated_cpus_lie_on_the_node_of_the_device_though_no_numa_cells_are_asked_for() -> None:
    answer = place(cloud(host("h1", GPU_ON_1, cells=TWO_CELLS, free_vcpus=0)), wanted(2, pci=1))

    assert isinstance(answer, Placement)
    assert (answer.cells, answer.cpus) == ((1,), (GuestCpus((4, 12), (4, 12)),))


def test_a_device_whose_node_has_too_few_free_cpus_is_refused() -> None:
    cells = (TWO_CELLS[0], replace(TWO_CELLS[1], held=frozenset({4, 12, 5})))
    answer = place(cloud(host("h1", GPU_ON_1, cells=cells)), wanted(2, pci=1))

    assert isinstance(answer, Refusal)
    assert "cell 1: 1 dedicated CPUs (0 whole cores)" in answer.classes[0].reason


def test_a_guest_of_two_cells_has_cpus_of_both_nodes() -> None:
    answer = place(cloud(host("h1", cells=TWO_CELLS)), wanted(3, numa_nodes=2))

    assert isinstance(answer, Placement)
    assert [cpus.pins for cpus in answer.cpus] == [(0, 8), (4,)]


def test_a_host_without_dedicated_cpus_refuses_and_tells_what_would_help() -> None:
    for there in (host("h1", cells=(NumaCell(0, 8, 8192, 0, 8),)), host("h1")):
        answer = place(cloud(there), wanted(2))

        assert isinstance(answer, Refusal)
        assert answer.classes[0].rule == "NUMATopologyFilter"
        assert "the host keeps no CPUs for dedicated servers (cpu_dedicated_set)" in answer.classes[0].reason
        remedies = [str(remedy) for remedy in answer.remedies]
        assert any("take a flavor without hw:cpu_policy=dedicated" in each for each in remedies)
        assert any("2 CPUs for dedicated servers" in each for each in remedies)
        assert "hw:cpu_policy" in (explain(answer).remedy or "")


def test_dedicated_cpus_are_none_of_those_that_others_share() -> None:
    full = host("h1", cells=TWO_CELLS, free_vcpus=0)
    answer = place(cloud(full), wanted(4))

    assert isinstance(answer, Placement)
    assert after(cloud(full), wanted(4), answer).hosts[0].free_vcpus == 0
    assert isinstance(place(cloud(full), request(0, vcpus=1)), Refusal)


CORES = st.lists(st.integers(1, 4), min_size=1, max_size=5)
ASKED = st.tuples(
    st.integers(1, 6),
    st.sampled_from(list(ThreadPolicy)),
    st.integers(0, 2),
    st.frozensets(st.integers(0, 5)),
    st.booleans(),
)


def numbered(sizes: list[int], first: int) -> tuple[tuple[int, ...], ...]:
    """Cores of these many threads, whose numbers are far apart as Linux gives them."""
    return tuple(tuple(first + core + 100 * thread for thread in range(size)) for core, size in enumerate(sizes))


@given(sizes=st.tuples(CORES, CORES), asked=st.lists(ASKED, max_size=8))
def test_no_cpu_is_ever_given_twice(
    sizes: tuple[list[int], list[int]], asked: list[tuple[int, ThreadPolicy, int, frozenset[int], bool]]
) -> None:
    cells = tuple(NumaCell(n, 4, 65536, n, 4, numbered(each, 20 * n)) for n, each in enumerate(sizes))
    known = {cell.id: cell for cell in cells}
    snapshot: Snapshot = cloud(host("h1", cells=cells))
    given_away: list[int] = []
    for number, (vcpus, policy, nodes, shared, emulator) in enumerate(asked):
        mixed = frozenset(n for n in shared if n < vcpus)
        want = wanted(
            vcpus, policy, numa_nodes=nodes, server_id=ServerId(f"s{number}"), shared=mixed, emulator=emulator
        )
        if any(not each.vcpus for each in want.cells):
            continue
        answer = place(snapshot, want)
        if isinstance(answer, Refusal):
            continue
        assert sum(len(cpus.pins) for cpus in answer.cpus) == vcpus
        assert [pin == SHARED for cpus in answer.cpus for pin in cpus.pins] == [n in want.shared for n in range(vcpus)]
        assert [len(cpus.emulator) for cpus in answer.cpus] == [int(emulator), *([0] * (len(answer.cpus) - 1))]
        for place_, cpus in zip(answer.cells, answer.cpus, strict=True):
            cores = known[place_].cores
            mine = [core for core in cores if set(core) & set(cpus.held)]
            own = [cpu for cpu in (*cpus.pins, *cpus.emulator) if cpu != SHARED]
            assert set(own) <= set(cpus.held) <= {cpu for core in cores for cpu in core}
            assert len(set(own)) == len(own) == want.cells[answer.cells.index(place_)].own_cpus
            if policy is ISOLATE:
                assert all(len(set(core) & set(own)) == 1 and set(core) <= set(cpus.held) for core in mine)
            if policy is REQUIRE:
                assert all(len(core) > 1 for core in mine)
            given_away += cpus.held
        assert len(set(given_away)) == len(given_away)
        snapshot = after(snapshot, want, answer)
    held = {cpu for cell in snapshot.hosts[0].cells for cpu in cell.held}
    assert held == set(given_away)
    assert all(each.free_vcpus >= 0 for each in snapshot.hosts[0].cells) and snapshot.hosts[0].free_vcpus >= 0
