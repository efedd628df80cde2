"""One module per step: preflight, act, verify; each is harmless when executed twice.

The module of a step has its name: `execute` of `take_device` carries out `TakeDevice`. `ACTS` finds them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from busway.agent.tools import Tools
from busway.reconciler.steps import STEPS, Step

Act = Callable[[Any, Tools], str | None]


def _act(step: type[Step]) -> Act:
    module = re.sub(r"(?<!^)(?=[A-Z])", "_", step.__name__).lower()
    act: Act = import_module(f"{__name__}.{module}").execute
    return act


ACTS: Mapping[type[Step], Act] = {step: _act(step) for step in STEPS}
