"""The kind `render`: a share of a render node, by which the host draws what a guest's virtio GPU is asked to (virgl)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from busway.domain.ids import UnitName
from busway.domain.units.unit import Unit

_NAME = re.compile(r"render-(?P<share>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.ASCII)


@dataclass(frozen=True, slots=True)
class RenderShare(Unit):
    """A share by the id of its claim, and the node as udev calls it: `pci-0000:03:00.0`, or `platform-vgem`.

    It is no device of its own in a guest's definition: the guest's display is drawn by it. `render_node` is "" in a record of which
    only the name can be read.
    """

    kind: ClassVar[str] = "render"
    is_attached: ClassVar[bool] = False

    render_node: str
    share: str

    @property
    def name(self) -> UnitName:
        """The claim's id, with a word before it."""
        return UnitName(f"render-{self.share}")

    @property
    def path(self) -> str:
        """Where the node is on its host: numbers such as renderD128 may change at a restart, this name does not."""
        return node_path(self.render_node)


def node_path(node: str) -> str:
    """Where udev shows a render node."""
    return f"/dev/dri/by-path/{node}-render"


def read_share(name: str) -> str | None:
    """The id of the claim in a share's name; None for what is none."""
    match = _NAME.fullmatch(name)
    return match["share"] if match else None
