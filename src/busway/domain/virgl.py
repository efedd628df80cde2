"""How a flavor asks for a share of a render node: `resources:CUSTOM_VIRGL=1`."""

from __future__ import annotations

VIRGL = "virgl"  # the type that every node has
VIRGL_CLASS = "CUSTOM_VIRGL"
