"""The unit: what one claim holds of a host, whichever kind of resource it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from busway.domain.ids import UnitName


class Unit(ABC):
    """A frozen value; the subclasses are the kinds, and their fields are what the host must know of one."""

    __slots__ = ()
    kind: ClassVar[str]
    is_attached: ClassVar[bool] = True  # whether the domain of its server names it, at a port of its own

    @property
    @abstractmethod
    def name(self) -> UnitName:
        """What the unit is called on its host, unlike any other: people and logs know it by this."""

    @property
    def is_managed(self) -> bool:
        """True unless its operator, and not the agent, has made it ready for guests."""
        return True
