"""The secure hash of images' data (`os_hash_algo`): which algorithms an operator may choose."""

from __future__ import annotations

import hashlib

DEFAULT_HASH = "sha512"
_WEAK = frozenset({"md5", "sha1"})
# Those of each Python, so that every client can verify them; a digest of shake_* has no length of its own.
HASHES = tuple(
    sorted(name for name in hashlib.algorithms_guaranteed if name not in _WEAK and not name.startswith("shake_"))
)


def unfit_hash(name: str) -> str:
    """Why an algorithm is not one for images; empty if it is one."""
    if name in HASHES:
        return ""
    why = f"there is no {name}"
    if name in _WEAK:
        why = f"{name} is too weak: others can make different data with the same hash"
    elif name in hashlib.algorithms_guaranteed:
        why = f"the length of {name} is not fixed"
    return f"{why}. Choose one of {', '.join(HASHES)}"
