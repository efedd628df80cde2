"""CPUs that belong to one guest alone: how a flavor or an image asks for them, and which of a host may be given away.

The words are Nova's: `hw:cpu_policy=dedicated` and `mixed`, `hw:cpu_dedicated_mask`, `hw:cpu_thread_policy`,
`hw:emulator_threads_policy`, `resources:PCPU`; of a host `cpu_dedicated_set` and `cpu_shared_set`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from busway.domain.errors import InvalidConfig

# The kernel of the largest machines counts up to 8192 CPUs.
MOST_CPUS = 8192
SHARED = -1
_PART = re.compile(r"\^?([0-9]{1,4})(-([0-9]{1,4}))?", re.ASCII)


class ThreadPolicy(StrEnum):
    """How a guest's CPUs lie on the threads of the host's cores.

    `prefer`: whole cores first, any threads where those do not suffice. `isolate`: one thread of each core, and no other
    server gets the core's other threads. `require`: whole cores with several threads, but for what is left over.
    """

    PREFER = "prefer"
    ISOLATE = "isolate"
    REQUIRE = "require"


@dataclass(frozen=True, slots=True)
class GuestCpus:
    """The host's CPUs of one cell of a guest: `pins` has one for each vCPU in order, `held` all that nobody else gets.

    A vCPU that shares the CPUs of its node has the pin `SHARED`. `emulator` are those of QEMU's own threads alone.
    """

    pins: tuple[int, ...]
    held: tuple[int, ...]
    emulator: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CpuSets:
    """Which CPUs of a host servers get: `dedicated` one by one, `shared` all together; None where nothing is said.

    As in Nova, a host with a dedicated set and no shared set has no CPUs for other servers.
    """

    dedicated: frozenset[int] | None = None
    shared: frozenset[int] | None = None

    def shared_of(self, cpus: frozenset[int]) -> frozenset[int]:
        """The CPUs, among some, on which servers without dedicated CPUs run."""
        if self.shared is not None:
            return cpus & self.shared
        return cpus if self.dedicated is None else frozenset()


NO_SETS = CpuSets()


def parse_cpus(text: str) -> frozenset[int]:
    """Reads Nova's lists of CPUs: `4-12,^8,15`; raises `InvalidConfig`."""
    wanted: set[int] = set()
    without: set[int] = set()
    for part in text.replace(" ", "").split(","):
        found = _PART.fullmatch(part)
        first, last = (int(found[1]), int(found[3] or found[1])) if found else (1, 0)
        if found is None or not first <= last < MOST_CPUS:
            raise invalid_set(f"'{text[:80]}' is not a list of CPUs")
        (without if part.startswith("^") else wanted).update(range(first, last + 1))
    if not wanted - without:
        raise invalid_set(f"'{text[:80]}' names no CPU")
    return frozenset(wanted - without)


def cpu_list(cpus: Iterable[int]) -> str:
    """Writes CPUs as the kernel does: `0-3,8`."""
    parts: list[list[int]] = []
    for cpu in sorted(set(cpus)):
        if parts and parts[-1][-1] == cpu - 1:
            parts[-1].append(cpu)
        else:
            parts.append([cpu])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in parts)


def invalid_set(brief: str) -> InvalidConfig:
    """The error of sets that a host can't have."""
    return InvalidConfig(
        brief, remedy="Write --cpu-dedicated-set like 4-15,^8 and --cpu-shared-set like 0-3.", code="cpu-set"
    )
