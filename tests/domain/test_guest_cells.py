"""`hw:numa_nodes` and the sizes of cells, as flavors and images write them."""

import time

import pytest

from busway.domain.errors import Forbidden, InvalidExtraSpec
from busway.domain.flavor import Flavor
from busway.domain.guest_cells import guest_cells
from busway.domain.ids import FlavorId
from busway.domain.placement import GuestCell


def flavor(**specs: str) -> Flavor:
    extra = {key.replace("__", ":").replace("_AT_", "."): value for key, value in specs.items()}
    return Flavor(FlavorId("f"), "f", ram_mb=4096, vcpus=4, disk_gb=1, extra_specs=extra)


SIZED = {
    "hw__numa_nodes": "2",
    "hw__numa_cpus_AT_0": "0-2",
    "hw__numa_mem_AT_0": "3072",
    "hw__numa_cpus_AT_1": "3",
    "hw__numa_mem_AT_1": "1024",
}


def test_a_flavor_without_them_has_no_cells() -> None:
    assert guest_cells(flavor(), {}) == (0, ())


def test_a_number_alone_means_equal_shares() -> None:
    assert guest_cells(flavor(hw__numa_nodes="2"), {}) == (2, ())


def test_cells_may_have_sizes() -> None:
    assert guest_cells(flavor(**SIZED), {}) == (2, (GuestCell(3, 3072), GuestCell(1, 1024)))


def test_an_image_may_ask_for_them_where_the_flavor_does_not() -> None:
    assert guest_cells(flavor(), {"hw_numa_nodes": "2"}) == (2, ())
    with pytest.raises(Forbidden, match="Both the image and the flavor"):
        guest_cells(flavor(hw__numa_nodes="2"), {"hw_numa_nodes": "2"})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hw__numa_nodes": "two"}, "hw:numa_nodes=two"),
        ({"hw__numa_nodes": "0"}, "hw:numa_nodes=0"),
        ({"hw__numa_cpus_AT_1": "4"}, "some of the guest's CPUs 0 to 3"),
        ({"hw__numa_cpus_AT_1": "2-3"}, "each of the 4 CPUs"),
        ({"hw__numa_cpus_AT_1": "x"}, "hw:numa_cpus.1=x can't be read"),
        ({"hw__numa_mem_AT_1": "1000"}, "do not add up to the 4096 MB"),
        ({"hw__numa_mem_AT_1": ""}, "hw:numa_mem.1 is missing"),
    ],
)
def test_what_can_t_be_understood_is_refused_with_its_key(changes: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidExtraSpec, match=words):
        guest_cells(flavor(**{**SIZED, **changes}), {})


def test_sizes_without_a_number_of_cells_are_refused() -> None:
    with pytest.raises(InvalidExtraSpec, match="of a guest that has none"):
        guest_cells(flavor(hw__numa_cpus_AT_0="0-3"), {})


@pytest.mark.parametrize("value", ["9" * 5000, "٣", "²", "0", "-1", "1.0", ""])
def test_a_number_of_cells_that_is_none_is_refused_as_such(value: str) -> None:
    with pytest.raises(InvalidExtraSpec, match="not a number of NUMA cells"):
        guest_cells(flavor(), {"hw_numa_nodes": value})


@pytest.mark.parametrize("cpus", ["0-9999," * 20_000 + "0", "0-9999", "4", "9" * 5000])
def test_a_list_of_cpus_is_refused_before_it_is_spread_out(cpus: str) -> None:
    cells = {f"hw_numa_cpus.{cell}": cpus for cell in range(64)} | {f"hw_numa_mem.{cell}": "1" for cell in range(64)}
    began = time.monotonic()

    with pytest.raises(InvalidExtraSpec, match=r"hw:numa_cpus\.0"):
        guest_cells(flavor(), {"hw_numa_nodes": "64", **cells})

    assert time.monotonic() - began < 1


def test_memory_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(InvalidExtraSpec, match=r"hw:numa_mem\.0"):
        guest_cells(flavor(), {"hw_numa_nodes": "1", "hw_numa_cpus.0": "0", "hw_numa_mem.0": "9" * 5000})
