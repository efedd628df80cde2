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
    PauseDomain,
    RebootDomain,
    RecordCounters,
    SaveDomain,
    StartDomain,
    StopDomain,
    UndefineDomain,
    UnpauseDomain,
)

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
    RecordCounters,
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
    "DefineDomain",
    "DestroyDomain",
    "FetchImage",
    "ForgetSaved",
    "GiveBackDevice",
    "MakeConfigDrive",
    "MakeDisk",
    "MakeExtraDisk",
    "PauseDomain",
    "Policy",
    "RebootDomain",
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
