"""The agent of one host: each round fetches what is desired, observes, plans, begins the work and reports."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import structlog
from structlog.typing import FilteringBoundLogger

from busway import __version__
from busway.agent.conditions import Examine, HostConditions
from busway.agent.console import Consoles
from busway.agent.declared_devices import DeclaredDevices
from busway.agent.execute import Executor
from busway.agent.faults import Faults
from busway.agent.figures import Known, read_figures
from busway.agent.guest_gpus import GuestGpus
from busway.agent.image_cache import ImageCache
from busway.agent.link import AgentLink
from busway.agent.live.moves import LiveMoves, LiveOptions
from busway.agent.observe import Sight, look
from busway.agent.pace import Backoff
from busway.agent.patience import PatientHypervisor
from busway.agent.planner import Planner
from busway.agent.provisions import Provisions
from busway.agent.remote_consoles import RemoteConsoles
from busway.agent.reporter import Reporter, Whose
from busway.agent.sequence import Sequence
from busway.agent.state import StateFolder
from busway.agent.timing import Timing
from busway.agent.tools import DiskMakers, Tools
from busway.agent.traces import AgentTraces
from busway.agent.troubles import Troubles
from busway.agent.vgpu_modes import VgpuModes
from busway.agent.workers import Spawn, Workers, in_thread
from busway.domain.condition import CardMode
from busway.domain.documents import Desired
from busway.domain.errors import BadInput
from busway.domain.fabric import fabric_of
from busway.domain.ids import ServerId
from busway.hardware.card import Card
from busway.hardware.machine import Machine
from busway.hardware.modes import modes_of
from busway.hardware.verbs import DeviceVerbs
from busway.hypervisor.guest import GuestOptions
from busway.hypervisor.seam import Hypervisor
from busway.metrics.agent import FAMILIES
from busway.metrics.meters import Meters
from busway.networking.networks import GuestNetworks
from busway.tracing.trace import NO_TRACES, Tracer

_ENDING = 5.0  # seconds that work may take to end when the agent does
_LONGEST_PAUSE = 1.0  # seconds between rounds when the control plane does not hold the long poll


class Agent:
    """All seams come by constructor; `round` is one pass, `run` loops until it is stopped."""

    def __init__(
        self,
        host: str,
        *,
        link: AgentLink,
        hypervisor: Hypervisor,
        kernel: DeviceVerbs,
        state: StateFolder,
        networks: GuestNetworks,
        options: GuestOptions | None = None,
        timing: Timing | None = None,
        disks: DiskMakers | None = None,
        devices: DeclaredDevices | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        wall_ns: Callable[[], int] = time.time_ns,
        crashpoint: Callable[[str], None] = lambda _point: None,
        spawn: Spawn = in_thread,
        log: FilteringBoundLogger | None = None,
        meters: Meters | None = None,
        guest_gpus: GuestGpus | None = None,
        examine: Examine | None = None,
        tracer: Tracer = NO_TRACES,
        live: LiveOptions | None = None,
        url: str = "",
    ) -> None:
        declared = devices or DeclaredDevices()
        self._host = host
        self._link = link
        self._kernel = kernel
        self._state = state
        self._networks = networks
        self._options = options or GuestOptions()
        self._timing = timing or Timing()
        self._monotonic = monotonic
        self._wall_ns = wall_ns
        self._tracer = tracer
        self._log: FilteringBoundLogger = log or structlog.get_logger("busway.agent")
        state.remove_partials()
        self._guests = PatientHypervisor(hypervisor, self._timing.libvirt) if spawn is in_thread else hypervisor
        self._guest_gpus = guest_gpus
        self._render = declared.render
        self._fabric = declared.fabric(state.path / "fabric.json", monotonic)
        self._provisions = Provisions(declared.layouts, kernel, monotonic, self._log, self._timing.kernel)
        self._vgpu_modes = VgpuModes(declared.vgpu_modes, declared.nvidia_smi, monotonic, self._log)
        self._traces = AgentTraces(tracer, host)
        self._faults = Faults(state, monotonic)
        self._consoles = Consoles(state, link)
        spice = self._options.spice
        self._viewers = RemoteConsoles(link, hypervisor, host, self._log, spice.address if spice else "")
        self._images = ImageCache(state, wall_ns)
        self._backoff = Backoff(host)
        self._reporter = self._make_reporter(url)
        self.live = LiveMoves(live or LiveOptions(), self._log)
        self.meters = meters or Meters(FAMILIES)
        self.meters.read_from(lambda: read_figures(self._known(), state, guest_gpus))
        self.conditions = self._make_conditions(examine)
        self._tools = self._make_tools(hypervisor, disks or DiskMakers(), declared, crashpoint)
        executor = Executor(self._tools, self._faults, self._log, crashpoint, self._traces)
        self._workers = Workers(executor.carry_out, spawn)
        self._planner = Planner(self._log)
        self._troubles = Troubles(self._log)
        self._machine: Machine | None = None
        self._desired: Desired | None = None
        self._generation = 0  # of the document that was carried out last
        self._unfinished: set[ServerId] = set()  # servers whose work has ended before its end
        self._poll_was_short = False  # the long poll came back at once with nothing
        self._busy = True  # something was done in the last round: the next begins at once
        self._acted = False  # something was tried in this round: look again before reporting

    def _make_reporter(self, url: str) -> Reporter:
        options, state = self._options, self._state
        return Reporter(
            Whose(
                *(self._host, self._kernel.root, state.path, options.virt_type, options.cpus, options.hugepages),
                url=url,
            ),
            self._link,
            self._guests.facts,
            Sequence(state.path / "sequence", self._wall_ns),
            self._monotonic,
            state.handovers,
            self._traces.report,
            often=self._timing.report,
            blind=self._timing.blind,
        )

    def _make_conditions(self, examine: Examine | None) -> HostConditions:
        return HostConditions(
            *(self._host, self._link, self._monotonic, self._log, self._guest_gpus, examine, self._ways),
            every=self._timing.conditions,
            doctor_every=self._timing.doctor,
        )

    def _make_tools(
        self, hypervisor: Hypervisor, disks: DiskMakers, declared: DeclaredDevices, crashpoint: Callable[[str], None]
    ) -> Tools:
        return Tools(
            link=self._link,
            hypervisor=hypervisor,
            kernel=self._kernel,
            state=self._state,
            options=self._options,
            networks=self._networks,
            monotonic=self._monotonic,
            patience=self._timing.kernel,
            scrubs=declared.scrubs,
            scrub_seconds=self._timing.scrub,
            crashpoint=crashpoint,
            wall_ns=self._wall_ns,
            fabric=self._fabric,
            render=self._render,
            meters=self.meters,
            disks=disks,
            live=self.live,
        )

    def run(self, stop: threading.Event) -> None:
        """Runs rounds until `stop` is set; an error in a round is logged, and the next round starts from the beginning."""
        self._log.info("agent starts", host=self._host, version=__version__)
        with self._viewers.running():
            while not stop.is_set():
                try:
                    self.round()
                except Exception as error:
                    self._log.exception("round failed", why=str(error))
                    self._troubles.note("round", type(error).__name__)
                stop.wait(self._pause())
        self._log.info("agent ends", host=self._host)

    def round(self) -> None:
        """Does one pass; parts that can't be reached are logged once and tried again in the next pass."""
        self._troubles.guard("credential", self._renew)
        self._troubles.guard("control plane", self._fetch)
        self._troubles.guard("hypervisor", self._converge)
        if self._troubles.codes.get("hypervisor") == "libvirt-slow":
            self._troubles.guard("reports", lambda: self._reporter.repeat(self._notes()))

    def finish(self) -> None:
        """Runs rounds until no work is in progress."""
        while self._workers.busy:
            self.round()

    def close(self) -> None:
        """Cancels all work, waits a few seconds for it to end, and closes the connections."""
        self._workers.cancel_all()
        self._workers.wait(self._workers.works, _ENDING)
        self.live.close()
        self._networks.close()
        self._link.close()
        self._tracer.close()

    def _renew(self) -> None:
        if self._link.renew_credential():
            self._log.info("has a new credential")

    def _pause(self) -> float:
        """Seconds until the next round: 0 while the long poll paces the rounds, longer and longer while a part is in trouble."""
        if self._troubles.codes:
            self._troubles.forget("round")
            return self._backoff.pause()
        self._backoff.reset()
        return min(self._timing.interval, _LONGEST_PAUSE) if self._poll_was_short else 0.0

    def _fetch(self) -> None:
        after = self._desired.generation if self._desired else -1
        longest = self._timing.busy if self._workers.busy else self._timing.interval
        wait = 0.0 if self._busy else longest
        asked = self._monotonic()
        news = self._link.fetch_desired(after, wait)
        self._poll_was_short = news is None and self._monotonic() - asked < wait / 2
        if news is not None and news.host != self._host:
            raise BadInput(
                f"The control plane sent the document of host {news.host} to host {self._host}",
                remedy="Give each host a credential of its own.",
                code="foreign-document",
            )
        if news is not None and news.generation >= after:
            self._desired = news
            self.live.desire(news)
            self._faults.desire(news)
            self._traces.desire(news)

    def _converge(self) -> None:
        self._busy = self._collect()  # before the look: what has ended is seen as it is
        self._acted = False
        before = self._look()
        if self._provisions.converge(before, self._desired):  # before the plan: servers take what is made here
            before, self._busy = self._look(), True
        if self._vgpu_modes.converge(before):
            before, self._busy = self._look(), True
        if self._desired is not None:
            desired = self._desired
            self._troubles.guard("networks", lambda: self._make_networks(desired))
            self._troubles.guard("plan", lambda: self._carry_out(desired, before))
        after = self._look() if self._acted else before
        if self._desired is not None and self._is_tried():
            self._generation = self._desired.generation
        self._troubles.guard("reports", lambda: self._report(after))
        self._troubles.guard("consoles", lambda: self._consoles.hand_in(server.id for server in after.servers))
        self._troubles.guard("image cache", lambda: self._tidy(after))
        if self._guest_gpus is not None and self._desired is not None:
            self._guest_gpus.look(self._desired)
        self._troubles.guard("conditions", lambda: self._report_conditions(after))
        self._troubles.guard("resource view", lambda: self._view(after))

    def _ways(self, machine: Machine, card: Card) -> tuple[CardMode, ...]:
        seen = self._fabric.seen() if self._fabric else ()
        partitions = [each for fabric in seen for each in fabric_of(fabric).partitions]
        return modes_of(machine, card, partitions, self._render.lacking)

    def _report_conditions(self, sight: Sight) -> None:
        self.conditions.report(sight.machine, {str(held.unit.name) for held in sight.held})

    def _is_tried(self) -> bool:
        """True if all work in progress is for the current desired state: nothing older can still change guests or devices."""
        wishes = self._faults.wishes
        return all(wishes.get(work.server_id) == work.wish for work in self._workers.works)

    def _make_networks(self, desired: Desired) -> None:
        """Comes before the plan: a guest whose network or filter is not in place is not started."""
        if faults := self._networks.converge(desired):
            raise faults[0]

    def _tidy(self, sight: Sight) -> None:
        removed = self._images.tidy(self._desired, sight.local) if self._desired else []
        if removed:
            self._log.info("unused images are removed", images=removed)

    def _carry_out(self, desired: Desired, sight: Sight) -> None:
        wishes = self._faults.wishes
        self._workers.cancel_others(wishes)
        unmade = (*self._provisions.waiting(sight, desired), *self._vgpu_modes.waiting(sight, desired))
        plans = self._planner.plan(desired, sight, unmade)
        self._faults.clear_settled({*plans, *self._workers.busy} | sight.unreadable)
        free = [each for each in plans if each not in self._workers.busy]
        begun = [self._workers.begin(each, wishes.get(each, ""), plans[each]) for each in free]
        self._workers.wait(begun, self._timing.together, self._report_meanwhile)
        self._acted = bool(self._workers.busy)
        self._busy |= self._collect()
        # before the report: what has worked since is no fault any more
        self._faults.clear_settled({*self._unfinished, *self._workers.busy} | sight.unreadable)

    def _collect(self) -> bool:
        """Takes in the work that has ended; True when some of it was done."""
        ended = self._workers.collect()
        for work in ended:
            if work.death is not None:
                self._log.error("worker ended unexpectedly", server=work.server_id, why=repr(work.death))
        self._unfinished = {work.server_id for work in ended if work.unfinished}
        return any(work.done for work in ended)

    def _look(self) -> Sight:
        self._machine = self._machine.rescan() if self._machine else Machine.read(self._kernel.root)
        now, timing = self._tools.now(), self._timing
        active = self._fabric.active() if self._fabric else frozenset()
        sight = look(
            self._machine,
            self._guests,
            self._state,
            self._desired,
            self._faults,
            now,
            timing.stop,
            active,
            timing.unplug,
            self.live.seen,
            self._options.digest,
            timing.press,
        )
        with_modes, fabrics = self._vgpu_modes.with_modes, self._fabric.seen() if self._fabric else ()
        parents, functions = with_modes(sight.mdev_parents), with_modes(sight.vgpu_functions)
        nodes = self._render.seen(self._kernel.root)
        return replace(sight, mdev_parents=parents, vgpu_functions=functions, fabrics=fabrics, render_nodes=nodes)

    def _report_meanwhile(self) -> None:
        """Reports while a round waits for its work, still under the generation before it."""
        if self._reporter.is_due:
            self._troubles.guard("reports", lambda: self._report(self._look()))

    def _report(self, sight: Sight) -> None:
        self._reporter.report(sight, self._generation, self._notes())

    def _known(self) -> Known:
        return Known(self._host, self._machine, self._generation, self._troubles.codes)

    def _view(self, sight: Sight) -> None:
        line = self._reporter.view(self._desired, sight, self._timing.resource_view)
        if line is not None:
            self._log.info(line)

    def _notes(self) -> tuple[str, ...]:
        """Notes for people: which servers wait for others, which steps take long, which parts are in trouble."""
        now = time.monotonic()
        slow = [work for work in self._workers.works if work.current and now - work.since >= self._timing.slow]
        return (
            *sorted(self._planner.waiting),
            *(f"{work.server_id}: {work.current} is still under way" for work in slow),
            *(f"{part}: {code}" for part, code in sorted(self._troubles.codes.items())),
            *self._provisions.notes,
            *self._vgpu_modes.notes,
            *([f"fabric: {self._fabric.trouble}"] if self._fabric and self._fabric.trouble else ()),
        )
