"""Needs the lab and the stock clients: every way to give a guest a GPU, with what guest and host show of it."""

import os
from collections.abc import Iterator

import pytest

from busway.bootstrap.demo import find_clients
from busway.bootstrap.demo_modes import ModeShow
from busway.bootstrap.mode_cases import CASES, ModeCase
from tests.cloud.clients import User

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(
        not os.environ.get("BUSWAY_SLOW_LAB"), reason="boots a guest for each of ten ways; `make test-slow` runs it"
    ),
]


@pytest.fixture(scope="module")
def show(user: User) -> Iterator[ModeShow]:
    """The cloud, with the sample drivers loaded and virtual functions made."""
    made = ModeShow(user.cloud, user.host, find_clients())
    made.prepare()
    yield made
    for name in ("mtty", "mdpy", "mbochs"):
        user.host.exec(["rmmod", name], timeout=60)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_guest_and_host_show_what_was_asked(show: ModeShow, case: ModeCase) -> None:
    shown = show.show(case, CASES.index(case) + 1)

    assert not shown.lacks
    assert shown.guest and shown.host and "ACTIVE after" in shown.cost


def test_what_the_machine_lacks_is_told_in_a_line_each(show: ModeShow) -> None:
    assert {name for name, why in show.lacking() if why} == {
        "vGPU functions of a vendor (vendor-specific VFIO)", "legacy assignment (pci-assign)",
    }  # fmt: skip
