"""What every use case is given: the database, the clock, new ids, the doorbell and the state folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from busway.control.doorbell import Doorbell
from busway.control.hosts.hearing import Hearing
from busway.control.identity.bearers import TOPIC, BearerMemory
from busway.control.loops.record import LoopRecords
from busway.control.observation.memory import ReportMemory
from busway.control.placement.memory import SnapshotMemory
from busway.control.rules.in_force import PciRules, RulesCache
from busway.control.settings import Settings
from busway.metrics.control import FAMILIES
from busway.metrics.meters import Meters
from busway.ovn.northbound import Northbound
from busway.pki.authority import Authority
from busway.policy import Policy, built_in
from busway.store.database import Database, Tx
from busway.tracing.trace import NO_TRACES, Tracer


def _pass(_name: str) -> None:
    """The crash point of every day: does nothing."""


@dataclass(frozen=True, slots=True)
class Control:
    """The control plane's seams; use cases are functions that take it first."""

    db: Database
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    bell: Doorbell
    state: Path
    settings: Settings
    crashpoint: Callable[[str], None] = field(default=_pass)
    rules_cache: RulesCache = field(default_factory=RulesCache)
    policy: Policy = field(default_factory=built_in)
    memory: SnapshotMemory = field(default_factory=SnapshotMemory)
    authority: Authority | None = None  # signs agents' certificates; None over plain HTTP
    ca: str = ""  # what agents are told to trust, as PEM; "" for what their systems trust
    reports: ReportMemory = field(default_factory=ReportMemory)
    bearers: BearerMemory = field(default_factory=BearerMemory)
    loops: LoopRecords = field(default_factory=LoopRecords)
    hearing: Hearing = field(default_factory=Hearing)
    meters: Meters = field(default_factory=partial(Meters, FAMILIES))
    tracer: Tracer = NO_TRACES
    northbound: Northbound | None = None  # OVN's database, for networks across hosts; None on a cloud without OVN

    def __post_init__(self) -> None:
        """Has what it remembers of tokens forgotten when rights change, here or in another process."""

        def changed() -> None:
            self.bearers.forget()
            self.bell.ring(TOPIC)

        self.bell.listen(TOPIC, self.bearers.forget)
        self.db.on_rights(changed)

    def pci_rules(self, tx: Tx, version: int | None = None) -> PciRules:
        """The aliases and device specs in force; cheap, for every transaction that needs them. `version` as read by it, if it is."""
        return self.rules_cache.get(self.settings, tx, version)
