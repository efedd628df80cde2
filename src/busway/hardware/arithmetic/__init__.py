"""Guest-side arithmetic, before boot: will a guest see every GPU that it is given, and what helps if not. Pure.

answer = judge(GuestWish(memory=256 * GIB, devices=(device_bars(function), ...), address_bits=40))
answer.seen, answer.needed_bits, answer.fixes
"""

from busway.hardware.arithmetic.answer import Answer, Fix, judge
from busway.hardware.arithmetic.firmware import Window, window_of
from busway.hardware.arithmetic.placing import Placed, place
from busway.hardware.arithmetic.wish import GIB, MIB, DeviceBars, Firmware, GuestWish, card_bars

__all__ = [
    "GIB",
    "MIB",
    "Answer",
    "DeviceBars",
    "Firmware",
    "Fix",
    "GuestWish",
    "Placed",
    "Window",
    "card_bars",
    "judge",
    "place",
    "window_of",
]
