"""What bodies of identity's resources have in common: attributes of one's own, options, and what is never given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from busway.api.schema import as_bool
from busway.domain.errors import BadInput, TooLarge

# The most that attributes which mean nothing to Busway may take up together, as JSON.
EXTRA_BYTES = 16_384
TEXT = {"type": ["string", "null"], "maxLength": 65535}
ID = {"type": "string", "minLength": 1, "maxLength": 64}
ID_OR_NONE = {"type": ["string", "null"], "maxLength": 64}
OPTIONS = {
    "type": "object",
    "properties": {"immutable": {"type": ["boolean", "null"]}},
    "additionalProperties": False,
}
_NEVER = ("links", "self", "created_at", "updated_at")


def extra_of(given: Mapping[str, Any], known: Mapping[str, Any], *refused: str) -> dict[str, Any]:
    """The attributes that are not `known`: they are kept and shown as they are. Raises `BadInput` for what can't be given."""
    extra = {key: value for key, value in given.items() if key not in known}
    for key in (*_NEVER, *refused):
        if key in extra:
            raise BadInput(f"The attribute {key} can't be given", remedy="Leave it out.", code="attribute-not-given")
    if any(len(key) > 255 for key in extra) or len(msgspec.json.encode(extra)) > EXTRA_BYTES:
        raise TooLarge(
            f"The additional attributes take up more than {EXTRA_BYTES} bytes",
            remedy="Keep less here.",
            code="extra-too-large",
        )
    return extra


def check_id(given: dict[str, Any], known: str) -> None:
    """Takes the id out of the body of a change; raises `BadInput` when it is another thing's."""
    if given.pop("id", known) != known:
        raise BadInput(
            "The id of a thing can't be changed",
            detail=f"It is {known}.",
            remedy="Leave it out.",
            code="fixed-attribute",
        )


def changes_of(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The attributes of a body that Busway knows, as they are stored."""
    changes = {name: given[name] for name in names if name in given}
    if "description" in changes:
        changes["description"] = changes["description"] or ""
    if "enabled" in changes:
        changes["enabled"] = as_bool(changes["enabled"], "enabled")
    return changes


def options_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a new thing."""
    return {key: value for key, value in (given.get("options") or {}).items() if value is not None}
