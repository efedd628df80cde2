"""The cases of `make demo-modes` ask what a cloud understands, and call nothing evidence that is none."""

import re

import pytest

from busway.bootstrap.mode_cases import CASES, ModeCase
from busway.domain.extra_spec import check_extra_specs
from busway.domain.flavor import Flavor
from busway.domain.guest_machine import machine_of
from busway.domain.ids import FlavorId
from busway.domain.resource_request import check_resources

LISTED = """00:02.0 VGA compatible controller [0300]: Device [1234:1111] (rev 02)
01:00.0 Non-Volatile memory controller [0108]: Red Hat, Inc. QEMU NVM Express Controller [1b36:0010] (rev 02)
"""


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_what_a_case_asks_is_understood(case: ModeCase) -> None:
    flavor = Flavor(FlavorId("f"), "f", ram_mb=256, vcpus=1, disk_gb=1, extra_specs=dict(case.flavor))

    check_extra_specs(case.flavor)
    machine_of(flavor, case.image)

    assert len(check_resources(case.flavor).groups) == sum(key.startswith("resources") for key in case.flavor)
    assert re.compile(case.shows) and case.host and (case.guest or case.not_guest)


def test_the_guests_own_lines_are_the_evidence() -> None:
    case = ModeCase("x", "x", guest=(r"\[0108\].*\[1b36:0010\]",))

    assert case.evidence(LISTED) == [LISTED.splitlines()[1]]


@pytest.mark.parametrize(
    "case", [ModeCase("x", "x", guest=(r"\[1af4:1050\]",)), ModeCase("x", "x", not_guest=r"\[03\d\d\]")]
)
def test_a_line_that_is_missing_or_must_not_be_there_is_no_evidence(case: ModeCase) -> None:
    with pytest.raises(AssertionError, match="the guest shows"):
        case.evidence(LISTED)
