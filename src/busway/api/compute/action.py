"""One action on a server: its handler, and the schemas of its body by the microversion from which each holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from busway.api.answer import NOTHING, Property
from busway.api.call import Call, Reply
from busway.api.schema import Definition, Schema, wrapped

# Whatever is given: Nova's schema for most actions without arguments.
ANYTHING: Definition = {}


@dataclass(frozen=True, slots=True)
class Action:
    """What `{name: given}` does, and the rule of rights for it; `run` gets the checked `given`. Below its first body there is none.

    `answer` is the shape of its answer's body, nothing where it has none.
    """

    run: Callable[[Call, Any], Reply]
    rule: str
    bodies: Mapping[int, Definition] = field(default_factory=lambda: {1: ANYTHING})
    answer: Property = field(default_factory=lambda: NOTHING)

    @property
    def since(self) -> int:
        """The microversion from which on there is such an action."""
        return min(self.bodies)

    def schema(self, name: str, version: int) -> Schema:
        """The schema of the whole body at a microversion."""
        since = max(each for each in self.bodies if each <= version)
        return wrapped(name, self.bodies[since])
