"""Gives a unit to a guest and takes it back: one module for each kind of `busway.domain.units`, with the same functions.

    preflight(verbs, device, ...)              everything that would refuse `take`; changes nothing
    take(verbs, device, ...)                   makes it ready for a guest, and reads back that it is
    is_ready(function)                         whether it is ready now
    give_back(verbs, device, before, ...)      resets it and makes it what it was before; returns `GivenBack`

Each can be done twice. The caller writes `before` down before `take`, and forgets it after `give_back`: in between
nobody else knows where the device belongs.
"""

from busway.hardware.handover.before import Before, read_before
from busway.hardware.handover.function import GivenBack, give_back, is_ready, preflight, take

__all__ = ["Before", "GivenBack", "give_back", "is_ready", "preflight", "read_before", "take"]
