"""Turns (desired, observed) of one host into ordered steps: `plan`; it never executes them."""

from busway.reconciler.digest import config_digest, definition_digest
from busway.reconciler.local import LocalServer, LocalState
from busway.reconciler.plan import plan
from busway.reconciler.steps import Step
from busway.reconciler.waits import Wait, waits

__all__ = ["LocalServer", "LocalState", "Step", "Wait", "config_digest", "definition_digest", "plan", "waits"]
