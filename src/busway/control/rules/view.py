"""What an operator sees of any rule: where it comes from, whether it is in force, and who changed it last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from busway.domain.errors import BuswayError
from busway.store.pci_rules import RuleChange

OF_FILE, OF_RUN_TIME = "file", "run time"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """`note` says why a rule that is not `in_force` has no effect.

    A rule of the file has no version, no time and nobody: it changes with the file and a restart.
    """

    source: str
    in_force: bool = True
    note: str = ""
    version: int | None = None
    changed: datetime | None = None
    changed_by: str | None = None


def created_at_run_time(last: RuleChange, error: BuswayError | None) -> dict[str, Any]:
    """The fields of a rule in the database, with its last change; `error` is why it can't be read."""
    return {
        "source": OF_RUN_TIME,
        "in_force": error is None,
        "note": error.brief if error else "",
        "version": last.version,
        "changed": last.at,
        "changed_by": last.user_name,
    }
