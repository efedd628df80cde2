"""The commands that read, on a lab host, as root and as nobody; there is no server."""

import json
import os
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from busway.cli.main import main
from busway.domain.address import PciAddress
from busway.hardware import Card


@pytest.fixture
def nobody() -> Iterator[None]:
    os.seteuid(65534)
    yield
    os.seteuid(0)


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    return done.exit_code, done.output


def test_the_doctor_says_ready_of_each_card_that_is(gpu: PciAddress, pair: Card) -> None:
    code, said = run("doctor", "--json")

    report = json.loads(said)
    verdicts = {one["card"]: one["words"] for one in report["cards"]}
    assert code == 1
    assert (verdicts[gpu.slot_name], verdicts[pair.name]) == ("ready", "ready")
    assert [words for words in verdicts.values() if words.startswith("cannot, because ")]
    assert "shares IOMMU group" in said
    assert "iommu-off" not in {finding["code"] for finding in report["findings"]}


def test_one_card_that_is_ready_ends_with_success(gpu: PciAddress) -> None:
    code, said = run("doctor", gpu.slot_name)

    assert code == 0
    assert said.splitlines()[-1].startswith(f"{gpu.slot_name}  ready  (")


def test_devices_and_topology_are_shown(gpu: PciAddress, bridged: tuple[PciAddress, PciAddress]) -> None:
    devices, topology = run("device", "list", "--local")[1], run("device", "topology")[1]

    assert gpu.slot_name in devices
    assert "group shared with " + str(bridged[1]) in " ".join(devices.split())
    assert "pci0000:40" in topology
    assert "PHB" in topology


@pytest.mark.usefixtures("nobody")
def test_nobody_is_told_what_only_root_may_read(gpu: PciAddress) -> None:
    doctor, devices = run("doctor", gpu.slot_name)[1], run("device", "list", "--local")[1]

    assert "Not read, because only root may:" in doctor
    assert "/proc/*/fd of " in doctor
    assert "unknown (needs root)" in " ".join(devices.split())
