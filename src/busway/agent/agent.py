"""The agent of one host: each round fetches what is desired, observes, plans, executes and reports."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog
from structlog.typing import FilteringBoundLogger

from busway import __version__
from busway.agent.console import Consoles
from busway.agent.execute import Executor
from busway.agent.faults import Faults
from busway.agent.image_cache import ImageCache
from busway.agent.link import AgentLink
from busway.agent.observe import Sight, look
from busway.agent.pace import Backoff
from busway.agent.qemu_img import flatten, make_overlay
from busway.agent.resources import measure, resource_view
from busway.agent.state import StateFolder
from busway.agent.tools import DiskFlattener, DiskMaker, Tools
from busway.domain.documents import Desired, HostResources, Observed
from busway.domain.errors import BadInput, BuswayError, Unavailable
from busway.hardware.kernel import KernelVerbs
from busway.hardware.scan import read_text
from busway.hypervisor.guest import GuestOptions
from busway.hypervisor.seam import Hypervisor
from busway.reconciler.plan import plan
from busway.reconciler.waits import waits

_LONGEST_BREATH = 1.0  # seconds between rounds when the control plane does not hold the long poll


@dataclass(frozen=True, slots=True)
class Timing:
    """The agent's intervals, in seconds."""

    interval: float = 3.0  # the longest wait for news, and so the pace at which guests are observed
    report: float = 10.0  # a report at least this often
    resource_view: float = 60.0
    stop: float = 60.0  # how long a guest may take to follow an ACPI shutdown
    kernel: float = 20.0  # how long a driver may take to bind


class Agent:
    """All seams come by constructor; `round` is one pass, `run` loops until it is told to stop."""

    def __init__(
        self,
        host: str,
        *,
        link: AgentLink,
        hypervisor: Hypervisor,
        kernel: KernelVerbs,
        state: StateFolder,
        options: GuestOptions | None = None,
        timing: Timing | None = None,
        make_disk: DiskMaker = make_overlay,
        flatten_disk: DiskFlattener = flatten,
        monotonic: Callable[[], float] = time.monotonic,
        wall_ns: Callable[[], int] = time.time_ns,
        crashpoint: Callable[[str], None] = lambda _point: None,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        self._host = host
        self._link = link
        self._hypervisor = hypervisor
        self._kernel = kernel
        self._state = state
        self._options = options or GuestOptions()
        self._timing = timing or Timing()
        self._monotonic = monotonic
        self._wall_ns = wall_ns
        self._log: FilteringBoundLogger = log or structlog.get_logger("busway.agent")
        state.remove_partials()
        self._faults = Faults(state, monotonic)
        self._consoles = Consoles(state, link)
        self._images = ImageCache(state, wall_ns)
        self._backoff = Backoff(host)
        tools = Tools(
            link=link,
            hypervisor=hypervisor,
            kernel=kernel,
            state=state,
            options=self._options,
            make_disk=make_disk,
            flatten_disk=flatten_disk,
            wall_ns=wall_ns,
            breathe=self._breathe,
            patience=self._timing.kernel,
        )
        self._executor = Executor(tools, self._faults, self._log, crashpoint)
        self._desired: Desired | None = None
        self._generation = 0  # of the document that was carried out last
        self._resources: HostResources | None = None
        self._reported: Observed | None = None
        self._reported_at = self._viewed_at = float("-inf")
        self._troubles: dict[str, str] = {}
        self._waiting: frozenset[str] = frozenset()
        self._hasty = False  # the long poll came back at once with nothing
        self._busy = True  # something was done in the last round: the next begins at once
        self._acted = False  # something was tried in this round: look again before reporting

    def run(self, stop: threading.Event) -> None:
        """Goes round until `stop` is set; what goes wrong in a round is logged and the next one begins anew."""
        self._log.info("agent starts", host=self._host, version=__version__)
        while not stop.is_set():
            try:
                self.round()
            except Exception as error:
                self._log.exception("round failed", why=str(error))
                self._troubles["round"] = type(error).__name__
            stop.wait(self._pause())
        self._log.info("agent ends", host=self._host)

    def round(self) -> None:
        """Does one pass; parts that can't be reached are told once and tried again in the next."""
        self._heed("credential", self._renew)
        self._heed("control plane", self._fetch)
        self._heed("hypervisor", self._converge)

    def close(self) -> None:
        """Closes the connections; the agent is not to be used any more."""
        self._link.close()

    def _renew(self) -> None:
        if self._link.renew_credential():
            self._log.info("has a new credential")

    def _pause(self) -> float:
        """Nothing much when the long poll paces the rounds, more and more when something is wrong."""
        if self._troubles:
            self._troubles.pop("round", None)
            return self._backoff.pause()
        self._backoff.reset()
        return min(self._timing.interval, _LONGEST_BREATH) if self._hasty else 0.0

    def _fetch(self) -> None:
        after = self._desired.generation if self._desired else -1
        wait = 0.0 if self._busy else self._timing.interval
        asked = self._monotonic()
        news = self._link.fetch_desired(after, wait)
        self._hasty = news is None and self._monotonic() - asked < wait / 2
        if news is not None and news.host != self._host:
            raise BadInput(
                f"The control plane sent what is desired of {news.host} to {self._host}",
                remedy="Give each host a credential of its own.",
                code="foreign-document",
            )
        if news is not None and news.generation >= after:
            self._desired = news
            self._faults.desire(news)

    def _converge(self) -> None:
        before = self._look()
        self._busy = self._acted = False
        if self._desired is not None:
            desired = self._desired
            self._heed("plan", lambda: self._carry_out(desired, before))
        after = self._look() if self._acted else before
        self._generation = self._desired.generation if self._desired else 0
        self._heed("reports", lambda: self._report(after))
        self._heed("consoles", lambda: self._consoles.hand_in(server.id for server in after.servers))
        self._heed("image cache", lambda: self._tidy(after))
        self._view(after)

    def _tidy(self, sight: Sight) -> None:
        removed = self._images.tidy(self._desired, sight.local) if self._desired else []
        if removed:
            self._log.info("unused images are removed", images=removed)

    def _carry_out(self, desired: Desired, sight: Sight) -> None:
        steps = plan(desired, sight.local)
        self._tell_waits(desired, sight)
        self._faults.clear_settled({step.server_id for step in steps})
        self._acted = bool(steps)
        outcome = self._executor.carry_out(steps)
        self._faults.clear_settled(outcome.unfinished)  # before the report: what has worked since is no fault any more
        self._busy = outcome.done > 0

    def _tell_waits(self, desired: Desired, sight: Sight) -> None:
        reasons = frozenset(f"{wait.server_id}: {wait.reason}" for wait in waits(desired, sight.local))
        for reason in sorted(reasons - self._waiting):
            self._log.info("server waits", why=reason)
        self._waiting = reasons

    def _look(self) -> Sight:
        return look(self._kernel, self._hypervisor, self._state, self._wall_ns(), self._timing.stop)

    def _breathe(self) -> None:
        """Reports in the midst of a long plan, still under the generation before it."""
        if self._monotonic() - self._reported_at >= self._timing.report:
            self._heed("reports", lambda: self._report(self._look()))

    def _report(self, sight: Sight) -> None:
        observed = self._observed(sight)
        unchanged = self._reported is not None and replace(observed, sequence=self._reported.sequence) == self._reported
        if unchanged and self._monotonic() - self._reported_at < self._timing.report:
            return
        self._link.report(observed)
        self._reported, self._reported_at = observed, self._monotonic()

    def _observed(self, sight: Sight) -> Observed:
        if self._resources is None:
            self._resources = self._measure()
        last = self._reported.sequence if self._reported else 0
        return Observed(
            host=self._host,
            sequence=max(self._wall_ns(), last + 1),
            generation=self._generation,
            boot_id=read_text(self._kernel.root / "proc/sys/kernel/random/boot_id"),
            resources=self._resources,
            inventory=sight.inventory,
            servers=sight.servers,
            held=sight.held,
            agent_version=__version__,
            iommu=any(device.iommu_group is not None for device in sight.inventory),
            notes=(*sorted(self._waiting), *(f"{part}: {code}" for part, code in sorted(self._troubles.items()))),
        )

    def _measure(self) -> HostResources:
        return measure(self._hypervisor, self._kernel.root, self._state.path, self._options.virt_type)

    def _view(self, sight: Sight) -> None:
        if self._monotonic() - self._viewed_at < self._timing.resource_view:
            return
        self._viewed_at = self._monotonic()
        self._resources = self._measure()
        self._log.info(resource_view(self._host, self._resources, self._desired, sight.inventory, sight.held))

    def _heed(self, part: str, act: Callable[[], None]) -> None:
        """Runs `act`; a failure is logged when it is a new one, and once more when it has passed."""
        try:
            act()
        except (BuswayError, OSError) as error:
            code = error.code if isinstance(error, BuswayError) else type(error).__name__
            if self._troubles.get(part) != code:
                level = self._log.warning if isinstance(error, Unavailable) else self._log.error
                level(f"{part}: trouble", why=str(error), code=code)
            self._troubles[part] = code
        else:
            if self._troubles.pop(part, None) is not None:
                self._log.info(f"{part}: well again")
