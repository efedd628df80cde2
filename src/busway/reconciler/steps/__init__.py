"""The steps of a plan, one class each; `STEPS` is the one list of them.

Beside each step stand its act (`busway.agent.steps`), its act on paper (`busway.testing.paper_host`), a line in
docs/explanation/agent.md and a crash test; tests/reconciler/test_steps.py holds them together.
"""

from __future__ import annotations

from busway.reconciler.steps.base import Policy, Retry, ServerStep, Step, Subject
from busway.reconciler.steps.device import GiveBackDevice, TakeDevice
from busway.reconciler.steps.disk import (
    FetchImage,
    MakeConfigDrive,
    MakeDisk,
    MakeExtraDisk,
    RemoveDisk,
    RemoveExtraDisk,
    RemoveFiles,
    UploadDisk,
)
from busway.reconciler.steps.domain import (
    DefineDomain,
    DestroyDomain,
    ForgetSaved,
    MigrateDomain,
    PauseDomain,
    RebootDomain,
    ReceiveDomain,
    RecordCounters,
    SaveDomain,
    StartDomain,
    StopDomain,
    UndefineDomain,
    UnpauseDomain,
)
from busway.reconciler.steps.plug import AskOut, PlugCard, PlugDevice

STEPS: tuple[type[Step], ...] = (
    FetchImage,
    MakeDisk,
    MakeExtraDisk,
    MakeConfigDrive,
    TakeDevice,
    DefineDomain,
    StartDomain,
    RebootDomain,
    PauseDomain,
    UnpauseDomain,
    SaveDomain,
    ForgetSaved,
    ReceiveDomain,
    MigrateDomain,
    RecordCounters,
    PlugCard,
    PlugDevice,
    AskOut,
    StopDomain,
    DestroyDomain,
    UndefineDomain,
    GiveBackDevice,
    RemoveDisk,
    RemoveExtraDisk,
    UploadDisk,
    RemoveFiles,
)

__all__ = [
    "STEPS",
    "AskOut",
    "DefineDomain",
    "DestroyDomain",
    "FetchImage",
    "ForgetSaved",
    "GiveBackDevice",
    "MakeConfigDrive",
    "MakeDisk",
    "MakeExtraDisk",
    "MigrateDomain",
    "PauseDomain",
    "PlugCard",
    "PlugDevice",
    "Policy",
    "RebootDomain",
    "ReceiveDomain",
    "RecordCounters",
    "RemoveDisk",
    "RemoveExtraDisk",
    "RemoveFiles",
    "Retry",
    "SaveDomain",
    "ServerStep",
    "StartDomain",
    "Step",
    "StopDomain",
    "Subject",
    "TakeDevice",
    "UndefineDomain",
    "UnpauseDomain",
    "UploadDisk",
]
