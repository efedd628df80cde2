"""NVIDIA's Fabric Manager, which joins GPUs by NVLink in partitions: asked and told through its client `fmpm`.

It counts GPUs by their modules, the places on the board, which do not follow the order of their PCI addresses. Which module is
at which address the driver tells (`nvidia-smi -q`), as long as it has the GPU and no guest does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from busway.domain.address import PciAddress
from busway.domain.errors import BadInput, HostError
from busway.hardware.child import ask

Run = Callable[[Sequence[str]], str]  # arguments of a program, and what it prints
_SECONDS = 60.0
_NOWHERE = "0000:00:00.0"  # where the manager does not know the address
_GPU = re.compile(r"^GPU (?P<address>[0-9A-Fa-f:.]+)\s*$")
_MODULE = re.compile(r"^\s*(?:GPU )?Module I[dD]\s*:\s*(?P<number>[0-9]{1,3})\s*$")


@dataclass(frozen=True, slots=True)
class Listed:
    """A partition as the manager lists it: the modules of its GPUs, and the address of each where it says it."""

    number: int
    active: bool
    modules: tuple[int, ...]
    addresses: Mapping[int, PciAddress]


def run_program(program: str) -> Run:
    """Runs a program with a deadline; raises `HostError` with its words unless it ends with 0."""

    def run(arguments: Sequence[str]) -> str:
        try:
            return ask([program, *arguments], _SECONDS)
        except OSError as error:
            raise _failed(program, arguments, str(error)) from error

    return run


def list_partitions(run: Run) -> tuple[Listed, ...]:
    """All partitions that the manager supports, by their numbers."""
    text = run(["-l"])
    try:
        found = [_listed(each) for each in json.loads(text)["partitionInfo"]]
    except (ValueError, KeyError, TypeError, BadInput) as error:
        raise HostError(
            "The fabric manager's list of partitions can't be understood",
            detail=f"{type(error).__name__}: {error}. It begins: {text[:80]!r}",
            remedy="Run `fmpm -l` by hand: it must print JSON with partitionInfo.",
            code="fabric-unclear",
        ) from error
    return tuple(sorted(found, key=lambda each: each.number))


def read_modules(text: str) -> dict[int, PciAddress]:
    """The address of each module out of what `nvidia-smi -q` prints."""
    found: dict[int, PciAddress] = {}
    address: PciAddress | None = None
    for line in text.splitlines():
        if (gpu := _GPU.match(line)) is not None:
            address = _address(gpu["address"])
        elif address is not None and (module := _MODULE.match(line)) is not None:
            found[int(module["number"])] = address
    return found


def _listed(value: Any) -> Listed:
    modules, addresses = [], {}
    for gpu in value["gpuInfo"]:
        module = int(gpu["physicalId"])
        modules.append(module)
        address = _address(str(gpu.get("pciBusId", "")))
        if address is not None and str(address) != _NOWHERE:
            addresses[module] = address
    if len(modules) != int(value["numGpus"]):
        raise ValueError(f"partition {value['partitionId']} has {len(modules)} GPUs and says {value['numGpus']}")
    return Listed(int(value["partitionId"]), bool(value["isActive"]), tuple(modules), addresses)


def _address(text: str) -> PciAddress | None:
    """An address as NVIDIA writes it, with a domain of eight digits."""
    domain, _, rest = text.lower().partition(":")
    try:
        return PciAddress(f"{int(domain, 16):04x}:{rest}")
    except (ValueError, BadInput):
        return None


def _failed(program: str, arguments: Sequence[str], words: str) -> HostError:
    return HostError(
        f"{program} {' '.join(arguments)} failed",
        detail=words,
        remedy="Look whether the fabric manager runs, in FABRIC_MODE=1: `systemctl status nvidia-fabricmanager`.",
        code="fabric-failed",
    )
