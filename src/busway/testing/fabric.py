"""A fabric manager of an HGX board with eight GPUs, that answers as the real one does, and the machine that it is of.

Partitions, modules and the form of the answers are those of a real HGX H100: `fmpm -l` and `nvidia-smi -q`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware.binding import driver_of
from busway.testing.machines import Machine

# The GPUs by their modules, which do not follow the order of their addresses.
MODULES = {
    1: "0000:4c:00.0", 2: "0000:19:00.0", 3: "0000:5d:00.0", 4: "0000:3b:00.0",
    5: "0000:bb:00.0", 6: "0000:cb:00.0", 7: "0000:9b:00.0", 8: "0000:db:00.0",
}  # fmt: skip
PARTITIONS = {
    0: (1, 2, 3, 4, 5, 6, 7, 8), 1: (1, 2, 3, 4), 2: (5, 6, 7, 8), 3: (1, 3), 4: (2, 4), 5: (5, 7), 6: (6, 8),
    **{6 + module: (module,) for module in range(1, 9)},
}  # fmt: skip


def hgx(machine: Machine) -> None:
    """Adds the eight GPUs of the board to a machine, four on each NUMA node."""
    for number, address in enumerate(sorted(MODULES.values())):
        machine.function(address, "10de:2330", "030200", group=100 + number, node=number // 4, driver="nvidia")


class FakeFabric:
    """The manager and the driver of one machine; what is active outlives whoever asks, and no reboot."""

    def __init__(self, root: Path, on_verb: Callable[[str], None] = lambda _verb: None) -> None:
        self._root = root
        self._on_verb = on_verb
        self.away = False
        self.refusals: dict[str, str] = {}  # by word: what it says instead
        self.ignored: set[str] = set()  # words without an effect

    def manager(self, arguments: Sequence[str]) -> str:
        """Answers `fmpm`: -l lists, -a activates, -d deactivates."""
        word, *rest = arguments
        self._on_verb(f"fabric {word}")
        if self.away:
            raise _failed("Failed to connect to Fabric Manager instance.")
        if word in self.refusals:
            raise _failed(self.refusals[word])
        if word == "-l":
            return self._list()
        number, active = int(rest[0]), self.active()
        taken = {module for each in active for module in PARTITIONS[each]}
        if (
            number not in PARTITIONS
            or (word == "-a" and taken & {*PARTITIONS[number]})
            or (word == "-d" and number not in active)
        ):
            raise _failed(f"Failed to {'' if word == '-a' else 'de'}activate partition. fmReturn: -2")
        if word not in self.ignored:
            self._keep(active | {number} if word == "-a" else active - {number})
        return ""

    def driver(self, arguments: Sequence[str]) -> str:
        """Answers `nvidia-smi -q` of the GPUs that are on the driver."""
        del arguments
        bound = [(module, gpu) for module, gpu in MODULES.items() if driver_of(self._root, PciAddress(gpu)) == "nvidia"]
        lines = ["==============NVSMI LOG==============", f"Attached GPUs                          : {len(bound)}"]
        for module, gpu in sorted(bound, key=lambda each: each[1]):
            lines += [f"GPU 0000{gpu.upper()}", "    Product Name                       : NVIDIA H100 80GB HBM3"]
            lines += [
                f"        Module Id                          : {module}",
                f"        Bus Id                             : 0000{gpu.upper()}",
            ]
        return "\n".join(lines) + "\n"

    def active(self) -> frozenset[int]:
        """The partitions that are active in this boot."""
        boot, numbers = self._state()
        return frozenset(numbers) if boot == self._boot() else frozenset()

    def _list(self) -> str:
        active = self.active()
        info = [
            {
                "gpuInfo": [
                    {"maxNumNvLinks": 18 if len(modules) > 1 else 0, "numNvLinksAvailable": 18 if len(modules) > 1 else 0,
                     "nvlinkLineRateMBps": 26562, "pciBusId": "00000000:00:00.0", "physicalId": module, "uuid": ""}
                    for module in modules
                ],
                "isActive": int(number in active),
                "numGpus": len(modules),
                "partitionId": number,
            }
            for number, modules in PARTITIONS.items()
        ]  # fmt: skip
        return json.dumps({"maxNumPartitions": 15, "numPartitions": 15, "partitionInfo": info, "version": 16909068})

    def _keep(self, numbers: frozenset[int]) -> None:
        path = self._root / "fake/fabric.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([self._boot(), sorted(numbers)]))

    def _state(self) -> tuple[str, list[int]]:
        path = self._root / "fake/fabric.json"
        if not path.exists():
            return "", []
        boot, numbers = json.loads(path.read_text())
        return str(boot), [int(number) for number in numbers]

    def _boot(self) -> str:
        return (self._root / "proc/sys/kernel/random/boot_id").read_text()


def _failed(words: str) -> HostError:
    return HostError("fmpm failed", detail=words, code="fabric-failed")
