"""Forms as browsers send them: bounded, and read field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from busway.domain.errors import BadInput

MOST_FIELDS = 500


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form; each may be there several times."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """One field without the space around it."""
        return self.raw(name, default).strip()

    def raw(self, name: str, default: str = "") -> str:
        """One field as it was sent, such as a password or user data."""
        values = self.fields.get(name, ())
        return values[-1] if values else default

    def several(self, name: str) -> tuple[str, ...]:
        """All values of a field that are not empty."""
        return tuple(value for value in self.fields.get(name, ()) if value)

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number; raises `BadInput`."""
        text = self.text(name)
        if not text and default is not None:
            return default
        try:
            return int(text)
        except ValueError as error:
            raise BadInput(
                f"The field {name} is not a whole number", detail=f"Its value is '{text[:40]}'.", code="form-number"
            ) from error


def parse_form(data: bytes) -> Form:
    """Reads application/x-www-form-urlencoded; raises `BadInput` for anything else."""
    try:
        pairs = parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise BadInput("The form can't be read", detail=f"{error}.", code="form-malformed") from error
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\0" in value:
            raise BadInput("There is a NUL character in a field of the form", remedy="Remove it.", code="text-nul")
        found.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return Form(found)
