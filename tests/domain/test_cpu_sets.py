"""Lists of CPUs in Nova's and in the kernel's form, and which CPUs shared servers run on."""

import pytest

from busway.domain.dedicated_cpus import CpuSets, cpu_list, parse_cpus
from busway.domain.errors import InvalidConfig


@pytest.mark.parametrize(
    ("text", "cpus"), [("3", {3}), ("0-3,8", {0, 1, 2, 3, 8}), ("4-7, ^5", {4, 6, 7}), ("1,1", {1})]
)
def test_a_list_names_cpus_ranges_and_exceptions(text: str, cpus: set[int]) -> None:
    assert parse_cpus(text) == cpus


@pytest.mark.parametrize("text", ["", "a", "3-1", "8192", "1-", "^1", "1,^1", "1,,2", "-1"])
def test_what_is_no_list_or_names_no_cpu_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        parse_cpus(text)
    assert refused.value.code == "cpu-set"


def test_cpus_are_written_as_the_kernel_does() -> None:
    assert [cpu_list(each) for each in ([], [3], [8, 2, 1, 0, 1])] == ["", "3", "0-2,8"]


def test_shared_servers_run_on_the_shared_set_or_on_all_where_no_cpu_is_dedicated() -> None:
    cpus = frozenset(range(4))
    assert CpuSets().shared_of(cpus) == cpus
    assert CpuSets(dedicated=frozenset({1})).shared_of(cpus) == frozenset()
    assert CpuSets(frozenset({1}), frozenset({2, 9})).shared_of(cpus) == {2}
