"""What is accepted in a configuration although its writer may regret it: a warning as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ConfigWarning:
    """One warning: its place, its meaning, and the remedy.

    `line` is that of the file, None for a value that came by another way. `code` never changes.
    """

    line: int | None
    option: str
    meaning: str
    remedy: str
    code: str


@dataclass(frozen=True, slots=True)
class Located(Generic[_T]):
    """A value of the configuration with the text that it was read from and the place of that text."""

    line: int | None
    option: str
    text: str
    value: _T

    def warn(self, meaning: str, remedy: str, *, code: str) -> ConfigWarning:
        """Makes a warning about this value."""
        return ConfigWarning(self.line, self.option, meaning, remedy, code)

    @property
    def place(self) -> str:
        """Where it stands, in words: "line 12"."""
        return f"line {self.line}" if self.line is not None else f"{self.option} {self.text}"
