"""The limits under which qemu-img and its like read what tenants have written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_STACK_BYTES = 2 * 1024**2


def limited(command: Sequence[str], limits: Mapping[str, int]) -> list[str]:
    """The command under util-linux's prlimit, which sets the kernel's limits (by their names there) before it starts anything.

    qemu-img makes as many threads as requests wait for the disk, up to 64. glibc reserves 8 MiB of addresses for the stack of each, and
    64 to 128 MiB for a heap of its own: on a slow disk that alone passes a limit of 1 GiB. So stacks are small, and there is one heap.
    """
    words = (f"--{name}={limit}" for name, limit in {"stack": _STACK_BYTES, **limits}.items())
    return ["prlimit", *words, "--", "env", "MALLOC_ARENA_MAX=1", *command]
