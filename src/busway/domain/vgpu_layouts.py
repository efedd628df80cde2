"""NVIDIA's tables of time-sliced vGPU types as data: how much frame buffer a card has, and where a type may lie on it.

A card in mixed-size mode is a row of regions of 1 GB of frame buffer. A vGPU takes as many as its type has GB, from one of
the starts ("placement ids") that the vendor lists for its size; it lies nowhere else, even where more is free. The letter
of a type (Q, B, C, A) changes neither. Sizes that are missing here may be had in equal-size mode only.

Source: NVIDIA AI Enterprise and vGPU User Guide, the tables of maximum vGPUs and of placements in mixed-size mode.
"""

from __future__ import annotations

from collections.abc import Mapping

Starts = Mapping[int, tuple[int, ...]]  # by size in GB


def _every(step: int, end: int) -> tuple[int, ...]:
    return tuple(range(0, end, step))


_OF_24: Starts = {24: (0,), 12: (0, 12), 8: (0, 16), 6: (0, 6, 12, 18), 4: (0, 8, 12, 20)}
_OF_40: Starts = {
    40: (0,), 20: (0, 20), 10: _every(10, 40), 8: (0, 12, 20, 32), 5: _every(5, 40), 4: (0, 6, 10, 16, 20, 26, 30, 36),
}  # fmt: skip
_OF_48: Starts = {
    48: (0,), 24: (0, 24), 16: (0, 32), 12: _every(12, 48), 8: (0, 16, 24, 40), 6: _every(6, 48),
    4: (0, 8, 12, 20, 24, 32, 36, 44),
}  # fmt: skip
_OF_80: Starts = {
    80: (0,), 40: (0, 40), 20: _every(20, 80), 16: (0, 24, 40, 64), 10: _every(10, 80),
    8: (0, 12, 20, 32, 40, 52, 60, 72), 5: _every(5, 80),
    4: (0, 6, 10, 16, 20, 26, 30, 36, 40, 46, 50, 56, 60, 66, 70, 76),
}  # fmt: skip
_OF_94: Starts = {
    94: (0,), 47: (0, 47), 23: (0, 24, 47, 71), 15: (0, 32, 47, 79), 11: (0, 12, 23, 36, 47, 59, 70, 83),
    6: (0, 17, 23, 41, 47, 64, 70, 88),
    4: (0, 7, 11, 19, 23, 31, 35, 43, 47, 54, 58, 66, 70, 78, 82, 90),
}  # fmt: skip
_OF_96: Starts = {
    96: (0,), 48: (0, 48), 32: _every(32, 96), 24: _every(24, 96), 16: _every(16, 96), 12: _every(12, 96),
    8: _every(8, 96),
}  # fmt: skip

# GB of frame buffer, and the starts, by the model as the names of its types say it: "NVIDIA L40S-12Q" is of L40S.
LAYOUTS: Mapping[str, tuple[int, Starts]] = {
    "L4": (24, _OF_24),
    "A100": (40, _OF_40),
    "L40": (48, _OF_48),
    "L40S": (48, _OF_48),
    "A100D": (80, _OF_80),
    "A100DX": (80, _OF_80),
    "H100": (80, _OF_80),
    "H100XM": (80, _OF_80),
    "H100L": (94, _OF_94),
    "H100XL": (94, _OF_94),
    "DC": (96, _OF_96),  # RTX PRO 6000 Blackwell Server Edition: "NVIDIA RTX Pro 6000 Blackwell DC-12Q"
}
