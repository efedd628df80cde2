"""The machine that a guest sees, by the words of flavors and images: pure.

`machine_of(flavor, image_properties)` reads them and raises for what can't be; `words` is the list of all words that
Nova knows, each served, refused or ignored, from which docs/reference/machine.md is written.
"""

from busway.domain.guest_machine.limits import PREFIX as LIMIT_PREFIX
from busway.domain.guest_machine.machine import PLAIN, Machine, MachineWord
from busway.domain.guest_machine.read import (
    check_limits,
    check_machine_specs,
    cpu_threads,
    isolates_emulator,
    machine_of,
    may_resize_hot,
    may_unplug,
    shared_vcpus,
)

__all__ = [
    "LIMIT_PREFIX",
    "PLAIN",
    "Machine",
    "MachineWord",
    "check_limits",
    "check_machine_specs",
    "cpu_threads",
    "isolates_emulator",
    "machine_of",
    "may_resize_hot",
    "may_unplug",
    "shared_vcpus",
]
