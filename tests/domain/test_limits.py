"""Limits that flavors set: read with their bounds, and refused when a guest could not have them."""

import pytest

from busway.domain.errors import InvalidExtraSpec
from busway.domain.extra_spec import check_extra_specs
from busway.domain.flavor import Flavor
from busway.domain.guest_machine import PLAIN, check_limits, machine_of
from busway.domain.guest_machine.limits import LIMIT_WORDS, NO_LIMITS, CardLimits, DiskLimits, Limits
from busway.domain.ids import FlavorId


def limits(**specs: str) -> Limits:
    flavor = Flavor(
        FlavorId("f"), "f", 2, 2048, 10, extra_specs={f"quota:{name}": value for name, value in specs.items()}
    )
    check_extra_specs(flavor.extra_specs)
    return machine_of(flavor, {}).limits


def refused(**specs: str) -> str:
    with pytest.raises(InvalidExtraSpec) as caught:
        together = {f"quota:{name}": value for name, value in specs.items()}
        check_extra_specs(together)
        check_limits(together)
    assert caught.value.remedy
    return str(caught.value)


def test_each_limit_has_its_place() -> None:
    assert limits() == NO_LIMITS
    assert limits(cpu_shares="200", cpu_period="50000", cpu_quota="25000") == Limits(200, 50000, 25000)
    found = limits(
        disk_read_iops_sec="500",
        disk_total_bytes_sec="1000",
        disk_total_bytes_sec_max="1000",
        disk_size_iops_sec="4096",
    )
    assert found.disk == DiskLimits(
        read_iops_sec=500, total_bytes_sec=1000, total_bytes_sec_max=1000, size_iops_sec=4096
    )
    found = limits(vif_inbound_average="10", vif_inbound_peak="20", vif_inbound_burst="30", vif_outbound_average="40")
    assert (found.inbound, found.outbound) == (CardLimits(10, 20, 30), CardLimits(40))


@pytest.mark.parametrize("word", LIMIT_WORDS, ids=lambda word: word.name)
def test_each_limit_has_bounds(word: object) -> None:
    name, least, most = word.name, word.least, word.most  # type: ignore[attr-defined]
    for value in (0, least - 1, most + 1, -1, "many", "1.5", "", "٣", f"{most}0000000000"):
        assert f"it may be {least} to {most}" in refused(**{name: str(value)})
    beside = {"cpu_quota": "1000"} if name == "cpu_period" else {}
    if not name.endswith(("_max", "peak", "burst")) and name != "disk_size_iops_sec":
        for value in (least, most):
            assert limits(**{name: str(value), **beside}) != NO_LIMITS


@pytest.mark.parametrize(
    ("specs", "words"),
    [
        ({"cpu_period": "1000"}, "a period limits nothing without quota:cpu_quota"),
        ({"disk_read_bytes_sec": "1", "disk_total_bytes_sec": "2"}, "disk_total_bytes_sec limits it already"),
        ({"disk_write_iops_sec": "1", "disk_total_iops_sec": "2"}, "disk_total_iops_sec limits it already"),
        ({"disk_read_bytes_sec_max": "5"}, "it needs quota:disk_read_bytes_sec"),
        ({"disk_read_bytes_sec": "6", "disk_read_bytes_sec_max": "5"}, "it must be quota:disk_read_bytes_sec at least"),
        ({"disk_size_iops_sec": "4096", "disk_read_bytes_sec": "6"}, "no operations are limited"),
        ({"vif_inbound_peak": "5"}, "it needs quota:vif_inbound_average"),
        ({"vif_outbound_burst": "5", "vif_inbound_average": "5"}, "it needs quota:vif_outbound_average"),
        ({"vif_outbound_average": "6", "vif_outbound_peak": "5"}, "it must be quota:vif_outbound_average at least"),
        ({"cpu_limit": "5"}, "Nova's driver for VMware alone reads it"),
        ({"memory_reservation": "5"}, "Nova's driver for VMware alone reads it"),
        ({"disk_read_bytes_sec_max_length": "5"}, "did you mean quota:disk_read_bytes_sec_max?"),
        ({"cpu_share": "5"}, "did you mean quota:cpu_shares?"),
    ],
)
def test_what_no_guest_could_have_is_refused(specs: dict[str, str], words: str) -> None:
    assert words in refused(**specs)


def test_a_host_must_be_able_to_limit() -> None:
    flavor = Flavor(FlavorId("f"), "f", 2, 2048, 10, extra_specs={"quota:disk_read_iops_sec": "1"})
    assert machine_of(flavor, {}).needs == ("machine", "limits")
    assert limits(cpu_shares="1").of_cpus and not limits(disk_read_iops_sec="1").of_cpus
    assert PLAIN.needs == ()
