"""Reports the observed state to the control plane: at once if it has changed, and often enough to keep the host's lease."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from busway import __version__
from busway.agent.handovers import HandoverRecords
from busway.agent.link import AgentLink
from busway.agent.observe import Sight
from busway.agent.own_address import own_address
from busway.agent.resources import measure, resource_view
from busway.agent.sequence import Sequence
from busway.domain.dedicated_cpus import NO_SETS, CpuSets
from busway.domain.documents import Desired, HostResources, Observed
from busway.hardware.handover.before import read_boot_id
from busway.hypervisor.seam import HypervisorFacts
from busway.networking.chassis import read_chassis


@dataclass(frozen=True, slots=True)
class Whose:
    """The host that reports: its name, its root of /sys and /proc, the agent's folder, and how guests run here, on which CPUs."""

    host: str
    root: Path
    state: Path
    virt_type: str
    cpus: CpuSets = NO_SETS
    paged: bool = False  # their memory is huge pages
    url: str = ""  # of the control plane


class Reporter:
    """Remembers the last report; `often` and `blind` are in seconds, as in `Timing`."""

    def __init__(
        self,
        whose: Whose,
        link: AgentLink,
        facts: Callable[[], HypervisorFacts],
        sequence: Sequence,
        monotonic: Callable[[], float],
        handovers: HandoverRecords,
        sending: Callable[[], AbstractContextManager[None]] = nullcontext,
        *,
        often: float,
        blind: float,
    ) -> None:
        self._whose = whose
        self._link = link
        self._facts = facts
        self._sequence = sequence
        self._monotonic = monotonic
        self._handovers = handovers
        self._sending = sending
        self._often = often
        self._blind = blind
        self._resources: HostResources | None = None
        self._last: Observed | None = None
        self._sent_at = self._seen_at = self._viewed_at = float("-inf")

    @property
    def is_due(self) -> bool:
        """True if it is time for the next report, whether anything has changed or not."""
        return self._monotonic() - self._sent_at >= self._often

    def report(self, sight: Sight, generation: int, notes: tuple[str, ...]) -> None:
        """Reports a look at the host, unless nothing has changed since a report that is young."""
        self._seen_at = self._monotonic()
        observed = self._observed(sight, generation, notes)
        unchanged = self._last is not None and replace(observed, sequence=self._last.sequence) == self._last
        if not unchanged or self.is_due:
            self._send(observed)

    def repeat(self, notes: tuple[str, ...]) -> None:
        """Sends the last observation again, for at most `blind` seconds, while the hypervisor does not answer.

        It has the generation of that time, so no device becomes free by it.
        """
        if self._last is not None and self.is_due and self._monotonic() - self._seen_at < self._blind:
            self._send(replace(self._last, notes=notes))

    def view(self, desired: Desired | None, sight: Sight, every: float) -> str | None:
        """Measures the host at intervals, and writes one line into the log."""
        if self._monotonic() - self._viewed_at < every:
            return None
        self._viewed_at = self._monotonic()
        self._resources = self._measure()
        return resource_view(self._whose.host, self._resources, desired, sight.inventory, sight.held)

    def _send(self, observed: Observed) -> None:
        observed = replace(observed, sequence=self._sequence.next())
        with self._sending():
            self._link.report(observed)
        self._handovers.forget(observed.handovers)
        self._last = replace(observed, handovers=())
        self._sent_at = self._monotonic()

    def _observed(self, sight: Sight, generation: int, notes: tuple[str, ...]) -> Observed:
        if self._resources is None:
            self._resources = self._measure()
        self._resources = replace(self._resources, chassis=read_chassis(self._whose.root))
        return Observed(
            host=self._whose.host,
            sequence=0,  # given when it is sent
            generation=generation,
            boot_id=read_boot_id(self._whose.root),
            resources=self._resources,
            inventory=sight.inventory,
            mdev_parents=sight.mdev_parents,
            vgpu_functions=sight.vgpu_functions,
            fabrics=sight.fabrics,
            render_nodes=sight.render_nodes,
            servers=sight.servers,
            held=(*sight.held, *sight.doubtful),
            agent_version=__version__,
            iommu=any(device.iommu_group is not None for device in sight.inventory),
            notes=notes,
            handovers=self._handovers.list(),
            handover_key=self._handovers.public_key,
        )

    def _measure(self) -> HostResources:
        whose = self._whose
        found = measure(self._facts(), whose.root, whose.state, whose.virt_type, whose.cpus, paged=whose.paged)
        return replace(found, address=own_address(whose.url))
