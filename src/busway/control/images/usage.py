"""What a project has of its quotas of images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from busway.control import quotas
from busway.control.context import Control
from busway.domain.caller import Caller
from busway.domain.quota import OF_IMAGES


@dataclass(frozen=True, slots=True)
class Amount:
    """How much there is and may be; sizes are in MiB, and a limit of -1 is none."""

    usage: int
    limit: int


def image_usage(control: Control, caller: Caller) -> Mapping[str, Amount]:
    """Returns the amounts of the caller's project by the names of Glance's limits."""
    quota = quotas.get_quota(control, caller, caller.project_id)
    return {name: Amount(quota.used[name], quota.limits[name]) for name in OF_IMAGES}
