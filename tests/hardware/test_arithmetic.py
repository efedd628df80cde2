from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busway.hardware.arithmetic import GIB, MIB, DeviceBars, Firmware, GuestWish, card_bars, judge, window_of
from busway.hardware.machine import Machine as Reading
from busway.testing.machines_named import NAMED

H100_NVL = (128 * GIB, 32 * MIB, 16 * MIB)


def four_h100(memory: int, **changes: object) -> GuestWish:
    devices = tuple(DeviceBars(f"gpu{number}", H100_NVL) for number in range(4))
    return replace(GuestWish(memory * GIB, devices, address_bits=40, host_bits=52), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("memory", "seen"), [(256, 3), (512, 2), (768, 1)])
def test_four_h100_nvl_in_one_tebibyte_are_seen_as_published(memory: int, seen: int) -> None:
    assert judge(four_h100(memory)).seen == seen


@pytest.mark.parametrize("memory", [256, 512, 768])
def test_every_fix_of_the_published_case_helps(memory: int) -> None:
    answer = judge(four_h100(memory))
    fixes = {fix.code: fix.value for fix in answer.fixes}

    assert fixes["address-bits"] == answer.needed_bits == 41
    assert judge(four_h100(memory, address_bits=41)).is_good
    assert judge(four_h100(memory, address_bits=46)).is_good
    if "memory" in fixes:
        assert judge(four_h100(fixes["memory"] // GIB)).is_good
        assert not judge(four_h100(fixes["memory"] // GIB + 1)).is_good
    fewer = replace(four_h100(memory), devices=four_h100(memory).devices[: fixes["devices"]])
    assert judge(fewer).is_good


def test_the_words_of_a_fix_name_what_the_host_has() -> None:
    enough, short = judge(four_h100(512)), judge(four_h100(512, host_bits=39))

    assert "41 are needed, it has 40. This host has 52." in enough.fixes[0].words
    assert "This host has 39, which is not enough." in short.fixes[0].words


@pytest.mark.parametrize(("share", "size"), [(8, 8 << 40), (4, 16 << 40)])
def test_ovmf_takes_its_part_of_46_bits_at_the_end(share: int, size: int) -> None:
    wish = four_h100(256, firmware=Firmware.OVMF, address_bits=46, window_share=share)

    window = window_of(wish, 0, 0)

    assert (window.size, window.end) == (size, 1 << 46)


def test_ovmf_does_not_trust_qemus_40_bits_on_intel_and_does_on_amd() -> None:
    intel = four_h100(256, firmware=Firmware.OVMF)
    amd = replace(intel, cpu_vendor="AuthenticAMD")

    assert window_of(intel, 0, 0).size == 32 * GIB
    assert window_of(amd, 0, 0).size == 128 * GIB
    assert judge(intel).seen == 0


def test_an_ovmf_window_that_is_told_is_enough() -> None:
    wish = four_h100(64, firmware=Firmware.OVMF)
    two = replace(wish, devices=wish.devices[:2])
    fix = next(fix for fix in judge(two).fixes if fix.code == "window")

    assert f"X-PciMmio64Mb,string={fix.value}" in fix.words
    assert judge(replace(two, window_mib=fix.value)).is_good


def test_small_32_bit_bars_run_out_below_4_gib() -> None:
    devices = tuple(DeviceBars(f"gpu{number}", (), (256 * MIB,)) for number in range(5))

    assert judge(GuestWish(4 * GIB, devices)).unseen == ("gpu3", "gpu4")


def test_pinned_memory_and_ports_are_told() -> None:
    answer = judge(four_h100(256))

    assert answer.locked_memory == 257 * GIB
    assert answer.root_ports == 10


def test_the_bars_of_a_card_are_read_from_a_machine(tmp_path: Path) -> None:
    NAMED["hgx-h200"](tmp_path)
    card = Reading.read(tmp_path).gpu_cards[0]

    assert sorted(card_bars(card).high) == [16 * MIB, 32 * MIB, 256 * GIB]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 2048),
    st.lists(st.sampled_from([28, 33, 36, 37, 38, 39]), max_size=8),
    st.sampled_from(list(Firmware)),
    st.integers(36, 50),
)
def test_placed_devices_are_aligned_and_never_overlap(
    memory: int, bits: list[int], firmware: Firmware, address_bits: int
) -> None:
    devices = tuple(DeviceBars(str(n), (1 << bit, 16 * MIB)) for n, bit in enumerate(bits))
    wish = GuestWish(memory * GIB, devices, address_bits=address_bits, firmware=firmware)

    answer = judge(wish)

    ends = [0, *(one.end for one in answer.placed)]
    assert all(one.start % one.device.largest == 0 for one in answer.placed)
    assert all(one.start >= end for one, end in zip(answer.placed, ends, strict=False))
    assert all(one.end <= 1 << 52 for one in answer.placed if one.fits)
    assert answer.seen + len(answer.unseen) == len(devices)
