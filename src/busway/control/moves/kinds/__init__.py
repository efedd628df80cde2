"""The kinds of move, one module each: what its two sides are, when it has arrived, how it fails, and who begins it.

`kind_of` gives what differs between them as data (`kind.py`); everything else about moves asks it. To add a kind, add a word
to `MoveKind` and a module with a `KIND` here.
"""

from __future__ import annotations

from busway.control.moves.kinds import evacuate, live, migrate, resize
from busway.control.moves.kinds.kind import Kind
from busway.domain.move import Move, MoveKind

KINDS: dict[MoveKind, Kind] = {kind.of: kind for kind in (resize.KIND, migrate.KIND, evacuate.KIND, live.KIND)}


def kind_of(move: Move) -> Kind:
    """What is special about a move of this kind."""
    return KINDS[move.kind]
