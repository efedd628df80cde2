"""The steps of a plan, one class each; `STEPS` is the one list of them.

Beside each step stand its act (`busway.agent.steps`), its act on paper (`busway.testing.paper_host`), a line in
docs/explanation/agent.md and a crash test; tests/reconciler/test_steps.py holds them together.
"""

from __future__ import annotations

from busway.reconciler.steps.base import Policy, Retry, ServerStep, Step, Subject
from busway.reconciler.steps.device import GiveBackDevice, TakeDevice
from busway.reconciler.steps.disk import FetchImage, MakeConfigDrive, MakeDisk, RemoveDisk, RemoveFiles, UploadDisk
from busway.reconciler.steps.domain import (
    DefineDomain,
    DestroyDomain,
    RebootDomain,
    RecordCounters,
    StartDomain,
    StopDomain,
    UndefineDomain,
)

STEPS: tuple[type[Step], ...] = (
    FetchImage,
    MakeDisk,
    MakeConfigDrive,
    TakeDevice,
    DefineDomain,
    StartDomain,
    RebootDomain,
    RecordCounters,
    StopDomain,
    DestroyDomain,
    UndefineDomain,
    GiveBackDevice,
    RemoveDisk,
    UploadDisk,
    RemoveFiles,
)

__all__ = [
    "STEPS",
    "DefineDomain",
    "DestroyDomain",
    "FetchImage",
    "GiveBackDevice",
    "MakeConfigDrive",
    "MakeDisk",
    "Policy",
    "RebootDomain",
    "RecordCounters",
    "RemoveDisk",
    "RemoveFiles",
    "Retry",
    "ServerStep",
    "StartDomain",
    "Step",
    "StopDomain",
    "Subject",
    "TakeDevice",
    "UndefineDomain",
    "UploadDisk",
]
