"""What passwords must be like, how long they last, and which may not come again, under Keystone's names for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from busway.domain.errors import BadInput

# The most former passwords that are remembered: each costs a hash at every change.
MOST_REMEMBERED = 24


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """The operator's rules; 0 and "" mean none.

    `remembered` is how many of a user's last passwords, the one of now among them, a new one may not be. The pattern is the
    operator's own, of Python's language, because those for passwords look ahead.
    """

    pattern: str = ""
    description: str = ""
    least_days: int = 0
    most_days: int = 0
    remembered: int = 0

    def check_form(self, password: str) -> None:
        """Raises `BadInput` for a password that the pattern does not match."""
        if self.pattern and re.match(self.pattern, password) is None:
            raise BadInput(
                "The password does not match the requirements",
                detail=self.description or "The operator has set a pattern for passwords.",
                remedy="Choose another one.",
                code="password-form",
            )

    def check_age(self, changed: datetime | None, now: datetime) -> None:
        """Raises `BadInput` when a password was changed too short a time ago to be changed again by its user."""
        if changed is None or not self.least_days:
            return
        first = changed + timedelta(days=self.least_days)
        if now < first:
            raise BadInput(
                "The password can't be changed yet",
                detail=f"It must be {self.least_days} days old: it can be changed from {first:%Y-%m-%d %H:%M:%S} UTC on.",
                remedy="Wait, or ask an administrator to set a new one.",
                code="password-age",
            )

    def expires(self, changed: datetime | None, *, exempt: bool = False) -> datetime | None:
        """When a password of that age must be changed; None for never."""
        if changed is None or exempt or not self.most_days:
            return None
        return changed + timedelta(days=self.most_days)
