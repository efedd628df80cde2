"""Plans the steps of each server of a host."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from structlog.typing import FilteringBoundLogger

from busway.agent.observe import Sight
from busway.domain.documents import Desired
from busway.domain.ids import ServerId
from busway.reconciler.plan import plan
from busway.reconciler.steps import Step
from busway.reconciler.waits import Wait, waits


class Planner:
    """Plans by the reconciler, and logs each new reason for which a server waits."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self.waiting: frozenset[str] = frozenset()  # who waits for what, in the last plan

    def plan(self, desired: Desired, sight: Sight, unmade: Collection[Wait]) -> dict[ServerId, list[Step]]:
        """The steps of each server, in the order of the servers; `unmade` are those that wait for a layout of the host."""
        desired = _without(desired, sight.unreadable | {wait.server_id for wait in unmade})
        self._log_waits((*waits(desired, sight.local), *unmade))
        plans: dict[ServerId, list[Step]] = {}
        for step in self._steps(desired, sight):
            plans.setdefault(step.server_id, []).append(step)
        return plans

    def _steps(self, desired: Desired, sight: Sight) -> list[Step]:
        """Plans for all servers; an error with one, which is a defect of Busway, does not prevent the plans of the others."""
        try:
            return plan(desired, sight.local)
        except Exception as error:
            self._log.exception("the plan ended unexpectedly", why=str(error))
        each = [replace(desired, servers=(server,), absent=()) for server in desired.servers]
        each += [replace(desired, servers=(), absent=(server_id,)) for server_id in desired.absent]
        steps: list[Step] = []
        for one in each:
            try:
                steps += plan(one, sight.local)
            except Exception as error:
                who = [*one.absent, *(server.id for server in one.servers)]
                self._log.error("nothing can be planned for a server", server=who[0], why=repr(error))
        return steps

    def _log_waits(self, found: Collection[Wait]) -> None:
        reasons = frozenset(f"{wait.server_id}: {wait.reason}" for wait in found)
        for reason in sorted(reasons - self.waiting):
            self._log.info("server waits", why=reason)
        self.waiting = reasons


def _without(desired: Desired, unreadable: frozenset[ServerId]) -> Desired:
    """The document without servers that nothing is planned for: what is in neither list is left alone."""
    if not unreadable:
        return desired
    return replace(
        desired,
        servers=tuple(server for server in desired.servers if server.id not in unreadable),
        absent=tuple(server_id for server_id in desired.absent if server_id not in unreadable),
    )
