"""Executes the steps of one server; an error becomes a fault of that server and affects no other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from structlog.typing import FilteringBoundLogger

from busway.agent.faults import Faults, fault_of
from busway.agent.steps import ACTS
from busway.agent.tools import Tools
from busway.agent.traces import AgentTraces
from busway.agent.workers import Locks, Work
from busway.domain.errors import BuswayError, Forbidden, HostError, NotAuthenticated, Unavailable
from busway.domain.units import FabricPartition, Mdev, VgpuFunction, WholeFunction
from busway.reconciler.steps import FetchImage, GiveBackDevice, Step, TakeDevice
from busway.tracing.trace import NO_TRACES

_POSTPONING = (Unavailable, NotAuthenticated, Forbidden)  # neither the server's fault nor that of this host


class Executor:
    """Executes steps with an agent's tools; `crashpoint` is called before and after each, for tests that end there."""

    def __init__(
        self,
        tools: Tools,
        faults: Faults,
        log: FilteringBoundLogger,
        crashpoint: Callable[[str], None],
        traces: AgentTraces | None = None,
    ) -> None:
        self._tools = tools
        self._meters = tools.meters
        self._faults = faults
        self._log = log
        self._crashpoint = crashpoint
        self._locks = Locks()
        self._traces = traces or AgentTraces(NO_TRACES, "")

    def carry_out(self, work: Work) -> None:
        """Executes the steps of a server in their order, until the work is cancelled.

        After a failure the rest of the steps are left out, unless the step that failed does not block them.
        """
        tools = replace(self._tools, check_cancelled=work.check)
        for step in work.steps:
            if work.is_cancelled:
                work.unfinished = True
                return
            work.current = step.name
            work.since = time.monotonic()
            work.is_long = step.policy.long
            if not (work.unfinished and step.policy.blocks) and self._attempt(step, tools):
                work.done += 1
            elif step.policy.blocks:
                work.unfinished = True

    def _attempt(self, step: Step, tools: Tools) -> bool:
        """Tries a step and returns whether it worked; an unexpected error becomes a fault of the server with the code `agent-error`."""
        try:
            return self._faults.may_try(step) and self._try(step, tools)
        except Exception as error:
            self._log.exception("step ended unexpectedly", step=step.name, server=step.server_id, why=str(error))
            self._fail(step, _unexpected(step, error))
            self._meters.count("busway_agent_steps_total", step.name, "failed")
            return False

    def _try(self, step: Step, tools: Tools) -> bool:
        started = time.monotonic()
        log = self._log.bind(step=step.name, server=step.server_id)
        log.info("step starts", reason=step.reason)
        try:
            with self._traces.step(step):
                remark = self._execute(step, tools)
        except _POSTPONING as error:  # the next round tries again
            self._measure(step, "postponed", started)
            log.warning("step postponed", why=str(error), seconds=_since(started))
            return False
        except BuswayError as error:
            self._fail(step, error)
            self._measure(step, "failed", started)
            log.error("step failed", why=str(error), code=error.code, seconds=_since(started))
            return False
        self._faults.succeeded(step)
        self._measure(step, "done", started)
        log.info("step done", seconds=_since(started), **({"remark": remark} if remark else {}))
        return True

    def _measure(self, step: Step, result: str, started: float) -> None:
        self._meters.count("busway_agent_steps_total", step.name, result)
        self._meters.observe("busway_agent_step_seconds", time.monotonic() - started, step.name)

    def _execute(self, step: Step, tools: Tools) -> str | None:
        self._crashpoint(f"before:{step.name}")
        try:
            with self._locks.hold(_shared(step), tools.check_cancelled):
                remark = ACTS[type(step)](step, tools)
        except OSError as error:
            raise HostError(
                f"{step.name} could not be done on this host",
                detail=str(error),
                remedy="Check the free space on this host's disk, and the permissions of the agent's folder.",
                code="host-io",
            ) from error
        self._crashpoint(f"after:{step.name}")
        return remark

    def _fail(self, step: Step, error: BuswayError) -> None:
        """Stores the fault; if the disk does not accept it, work continues, and the fault is reported anyway."""
        fault = fault_of(step, error)
        try:
            self._faults.failed(step, fault)
            if isinstance(step, GiveBackDevice):
                known = self._tools.state.held.find(step.held.unit.name)
                if known is not None:
                    self._tools.state.held.write(known.with_fault(fault))
        except (OSError, BuswayError) as second:
            self._log.error("a fault could not be kept", step=step.name, server=step.server_id, why=str(second))


def _shared(step: Step) -> str:
    """The name of the lock that a step needs: it shares a slot, a parent of devices, an image or nothing with other servers."""
    unit = step.grant.unit if isinstance(step, TakeDevice) else None
    unit = step.held.unit if isinstance(step, GiveBackDevice) else unit
    if isinstance(unit, WholeFunction):
        return f"slot {unit.address.slot_name}"
    if isinstance(unit, VgpuFunction):  # eight functions of a card are in a slot: what one takes, the others lack
        return f"bus {unit.address.slot_name.rpartition(':')[0]}"
    if isinstance(unit, FabricPartition):
        return "fabric"
    if isinstance(unit, Mdev) and unit.parent:
        return f"parent {unit.parent}"
    if unit is not None:
        return f"unit {unit.name}"
    return f"image {step.image.sha256}" if isinstance(step, FetchImage) else f"server {step.server_id}"


def _unexpected(step: Step, error: Exception) -> HostError:
    return HostError(
        f"{step.name} ended unexpectedly",
        detail=f"{type(error).__name__}: {error}",
        remedy="Report this: it is a bug in Busway. The agent's log has the traceback.",
        code="agent-error",
    )


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
