"""Which generation a GPU is of, by its PCI ids: what decides which drivers can drive it.

NVIDIA gives each generation ranges of product ids (their names in pci.ids begin with the chip, which a test compares); AMD's
chips have ids of their own.
"""

from __future__ import annotations

NVIDIA, AMD = "10de", "1002"
# From the oldest on: a driver says from which to which it goes.
NVIDIA_GENERATIONS = ("maxwell", "pascal", "volta", "turing", "ampere", "ada", "hopper", "blackwell")
AMD_GENERATIONS = ("cdna1", "cdna2", "cdna3", "cdna4", "rdna2", "rdna3", "rdna4")

_NVIDIA = (
    (0x1340, 0x15BF, "maxwell"), (0x15C0, 0x15FF, "pascal"), (0x1600, 0x1724, "maxwell"), (0x1725, 0x172F, "pascal"),
    (0x1730, 0x17FF, "maxwell"), (0x1B00, 0x1D7F, "pascal"), (0x1D80, 0x1DFF, "volta"), (0x1E00, 0x1FFF, "turing"),
    (0x2080, 0x20FF, "ampere"), (0x2180, 0x21FF, "turing"), (0x2200, 0x22FF, "ampere"), (0x2300, 0x23FF, "hopper"),
    (0x2400, 0x25FF, "ampere"), (0x2680, 0x28FF, "ada"), (0x2900, 0x2FFF, "blackwell"), (0x3180, 0x31FF, "blackwell"),
)  # fmt: skip
_AMD = {
    "cdna1": (0x7388, 0x738C, 0x738E),
    "cdna2": (0x7408, 0x740C, 0x740F, 0x7410),
    "cdna3": (0x74A0, 0x74A1, 0x74A2, 0x74A5, 0x74A9, 0x74B5, 0x74B9, 0x74BD),
    "cdna4": (0x75A0, 0x75A3, 0x75B0, 0x75B3),
    "rdna2": (0x73A1, 0x73A2, 0x73A3, 0x73A5, 0x73AB, 0x73AE, 0x73AF, 0x73BF),
    "rdna3": (0x7448, 0x7449, 0x744A, 0x744B, 0x744C, 0x745E, 0x7460, 0x7461, 0x7470, 0x747E),
    "rdna4": (0x7550, 0x7551, 0x7590),
}


def generation_of(vendor_id: str, product_id: str) -> str | None:
    """The generation of a GPU; None for one that is not known here."""
    try:
        number = int(product_id, 16)
    except ValueError:
        return None
    if vendor_id == NVIDIA:
        return next((name for first, last, name in _NVIDIA if first <= number <= last), None)
    if vendor_id == AMD:
        return next((name for name, ids in _AMD.items() if number in ids), None)
    return None
