"""The NVLink fabric of this host: its partitions as the fabric manager lists them, activated for guests and deactivated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from busway.agent.record import read_record
from busway.domain.address import PciAddress
from busway.domain.errors import BadInput, HostError
from busway.domain.fabric import Fabric
from busway.domain.ids import UnitName
from busway.domain.mdev import MdevParentSeen
from busway.domain.units import FabricPartition
from busway.hardware.durable import write_durably
from busway.hardware.fabric_manager import Listed, Run, list_partitions, read_modules

_LOOK = 15.0  # seconds for which a list counts


@dataclass
class HostFabric:
    """`modules` are the operator's words on which module is where; what they lack the driver tells, and `keep` remembers."""

    manager: Run
    driver: Run  # nvidia-smi
    modules: Mapping[int, PciAddress]
    keep: Path
    monotonic: Callable[[], float]
    trouble: HostError | None = None
    _listed: tuple[Listed, ...] = ()
    _looked: float = field(default=float("-inf"))

    def seen(self) -> tuple[MdevParentSeen, ...]:
        """What is reported: the partitions all of whose GPUs are known by their addresses."""
        self._look()
        found = (self._partition(each) for each in self._listed)
        partitions = tuple(each for each in found if each is not None)
        return (Fabric(partitions).seen(),) if partitions else ()

    def active(self) -> frozenset[UnitName]:
        """The names of the partitions that are active, as the fabric manager last reported."""
        self._look()
        return frozenset(FabricPartition(each.number).name for each in self._listed if each.active)

    def check(self, unit: FabricPartition, *, is_ours: bool) -> None:
        """Raises `HostError` for a partition that can't be activated for a guest; asks the manager again."""
        self._ask()
        listed = next((each for each in self._listed if each.number == unit.number), None)
        known = self._partition(listed) if listed is not None else None
        if known is None or frozenset(known.gpus) != frozenset(unit.gpus):
            has = (
                f"It joins {', '.join(known.gpus)}."
                if known
                else "The fabric manager lists none, or its GPUs are not known."
            )
            raise HostError(
                f"{unit.name} of the fabric is not {', '.join(unit.gpus) or 'known'}",
                detail=has,
                remedy="Wait for the host's next report; the partition is placed again.",
                code="partition-changed",
            )
        others = [
            each for each in self._listed if each.active and {*each.modules} & {*(listed.modules if listed else ())}
        ]
        if any(each.number != unit.number or not is_ours for each in others):
            names = ", ".join(FabricPartition(each.number).name for each in others)
            raise HostError(
                f"GPUs of {unit.name} are in a partition that somebody else has activated",
                detail=f"Active: {names}.",
                remedy=f"Deactivate it: `fmpm -d {others[0].number}`.",
                code="partition-in-use",
            )

    def activate(self, unit: FabricPartition) -> None:
        """Activates a partition and reads back that it is; one that is active stays so."""
        self._set(unit, "-a", active=True)

    def deactivate(self, unit: FabricPartition) -> bool:
        """Deactivates a partition and reads back that it is; False for one that was not active."""
        self._ask()
        if unit.name not in self.active():
            return False
        self._set(unit, "-d", active=False)
        return True

    def _set(self, unit: FabricPartition, word: str, *, active: bool) -> None:
        if (unit.name in self.active()) != active:
            self.manager([word, str(unit.number)])
        self._ask()
        if (unit.name in self.active()) != active:
            what = "active" if active else "inactive"
            raise HostError(
                f"{unit.name} of the fabric did not become {what}",
                detail="The fabric manager said nothing of a failure.",
                remedy="Read the fabric manager's log (/var/log/fabricmanager.log).",
                code="fabric-failed",
            )

    def _look(self) -> None:
        """Asks if the list is old; if the manager does not answer, the last list and its state are kept."""
        if self.monotonic() - self._looked < _LOOK:
            return
        self._looked = self.monotonic()
        try:
            self._ask()
        except HostError as error:
            self.trouble = error

    def _ask(self) -> None:
        self._listed = list_partitions(self.manager)
        self._looked = self.monotonic()
        self.trouble = None
        wanted = {module for each in self._listed for module in each.modules}
        if not wanted <= self._addresses().keys():
            self._learn()
        located = {module for each in self._listed for module in each.addresses}
        if lost := wanted - self._addresses().keys() - located:
            self.trouble = self.trouble or _unplaced(lost)

    def _partition(self, listed: Listed) -> FabricPartition | None:
        known = {**self._addresses(), **listed.addresses}
        if not known.keys() >= set(listed.modules):
            return None
        return FabricPartition(listed.number, tuple(str(known[module]) for module in listed.modules))

    def _addresses(self) -> dict[int, PciAddress]:
        kept = read_record(self.keep, dict[str, str]) or {}
        found: dict[int, PciAddress] = {}
        for module, address in kept.items():
            try:
                found[int(module)] = PciAddress(address)
            except (ValueError, BadInput):
                continue
        return {**found, **self.modules}

    def _learn(self) -> None:
        """Asks the driver, which knows only the GPUs that no guest has; earlier answers about the others are kept."""
        try:
            modules = read_modules(self.driver(["-q"]))
        except HostError as error:
            self.trouble = error
            return
        if modules:
            known = {**self._addresses(), **modules, **self.modules}
            write_durably(self.keep, msgspec.json.encode({str(module): str(known[module]) for module in sorted(known)}))


def _unplaced(modules: Collection[int]) -> HostError:
    return HostError(
        f"Nobody tells where {len(modules)} GPUs of the fabric are",
        detail=f"`nvidia-smi -q` shows no module id {', '.join(map(str, sorted(modules)))}; partitions with them are not offered.",
        remedy="Start the agent while the GPUs are on NVIDIA's driver, or name them: --fabric-module 1=0000:4c:00.0.",
        code="fabric-modules",
    )
