"""The operator's program that cleans a device between two servers."""

import time
from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware.scrub import MAX_OUTPUT, scrub

GPU = PciAddress("0000:41:00.0")


def program(folder: Path, text: str) -> Path:
    path = folder / "scrub"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_it_is_told_the_device_and_its_words_are_kept(tmp_path: Path) -> None:
    done = scrub(program(tmp_path, 'echo "cleaned $1 ($BUSWAY_DEVICE)"; echo and >&2'), GPU, 10)

    assert done.output == "cleaned 0000:41:00.0 (0000:41:00.0)\nand"


def test_one_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(HostError) as caught:
        scrub(program(tmp_path, "echo the memory is stuck; exit 3"), GPU, 10)

    assert caught.value.code == "scrub-failed"
    assert "ended with 3" in caught.value.detail and "the memory is stuck" in caught.value.detail


@pytest.mark.thorough
def test_one_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    began = time.monotonic()

    with pytest.raises(HostError, match="did not clean"):
        scrub(program(tmp_path, f"(sleep 3; touch {mark}) & sleep 60"), GPU, 0.3)

    assert time.monotonic() - began < 30
    time.sleep(3.5)  # nothing is to happen: there is no level to poll
    assert not mark.exists()


def test_one_that_talks_for_ever_fills_nothing(tmp_path: Path) -> None:
    with pytest.raises(HostError) as caught:
        scrub(program(tmp_path, "yes"), GPU, 1)

    assert len(caught.value.detail) < MAX_OUTPUT + 500


def test_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="did not clean") as caught:
        scrub(tmp_path / "none", GPU, 1)

    assert "can't be started" in caught.value.detail
