"""Carries out a plan: step by step, one server's failure not touching the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from structlog.typing import FilteringBoundLogger

from busway.agent.faults import Faults, fault_of
from busway.agent.steps import ACTS
from busway.agent.tools import Tools
from busway.domain.errors import BuswayError, HostError, Unavailable
from busway.domain.ids import ServerId
from busway.reconciler.steps import GiveBackDevice, Step


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many steps succeeded, and the servers that were not brought to the end of their plan."""

    done: int
    unfinished: frozenset[ServerId]


class Executor:
    """Executes steps with an agent's tools; `crashpoint` is called before and after each, for tests that end there."""

    def __init__(
        self, tools: Tools, faults: Faults, log: FilteringBoundLogger, crashpoint: Callable[[str], None]
    ) -> None:
        self._tools = tools
        self._faults = faults
        self._log = log
        self._crashpoint = crashpoint

    def carry_out(self, steps: list[Step]) -> Outcome:
        """Executes steps in their order.

        After a failure the rest of that server's steps are left out, unless the step that failed does not block them.
        """
        failed: set[ServerId] = set()
        done = 0
        for step in steps:
            if step.server_id in failed or not self._faults.may_try(step):
                if step.policy.blocks:
                    failed.add(step.server_id)
                continue
            if self._try(step):
                done += 1
            elif step.policy.blocks:
                failed.add(step.server_id)
            self._tools.breathe()
        return Outcome(done, frozenset(failed))

    def _try(self, step: Step) -> bool:
        started = time.monotonic()
        log = self._log.bind(step=step.name, server=step.server_id)
        log.info("step starts", reason=step.reason)
        try:
            remark = self._execute(step)
        except Unavailable as error:  # neither the server's fault nor this host's: the next round tries again
            log.warning("step postponed", why=str(error), seconds=_since(started))
            return False
        except BuswayError as error:
            self._fail(step, error)
            log.error("step failed", why=str(error), code=error.code, seconds=_since(started))
            return False
        self._faults.succeeded(step)
        log.info("step done", seconds=_since(started), **({"remark": remark} if remark else {}))
        return True

    def _execute(self, step: Step) -> str | None:
        self._crashpoint(f"before:{step.name}")
        try:
            remark = ACTS[type(step)](step, self._tools)
        except OSError as error:
            raise HostError(
                f"{step.name} could not be done on this host",
                detail=str(error),
                remedy="Check the disk of this host: its room, and who may write to the agent's folder.",
                code="host-io",
            ) from error
        self._crashpoint(f"after:{step.name}")
        return remark

    def _fail(self, step: Step, error: BuswayError) -> None:
        fault = fault_of(step, error)
        if isinstance(step, GiveBackDevice):
            known = self._tools.state.find_held(step.held.unit.name)
            if known is not None:
                self._tools.state.write_held(replace(known, fault=fault))
        self._faults.failed(step, fault)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
