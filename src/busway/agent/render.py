"""The render nodes that this host's operator has declared, with their shares: reported, and given to guests by shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from busway.domain.errors import HostError
from busway.domain.mdev import MdevParentSeen
from busway.domain.render import SOFTWARE, node_name, node_seen
from busway.domain.units import RenderShare
from busway.hardware.render_node import check_render_node, find_render_node


@dataclass(frozen=True, slots=True)
class DeclaredNodes:
    """Shares by the operator's word for a node: a PCI address, or `software`. `limit` is that of the whole host.

    `lacking` tells what the hypervisor lacks to draw for guests, "" for nothing.
    """

    shares: Mapping[str, int] = field(default_factory=dict)
    limit: int | None = None
    lacking: Callable[[], str] = lambda: ""

    def seen(self, root: Path) -> tuple[MdevParentSeen, ...]:
        """What is reported; one that can't be used now says why."""
        return tuple(self._seen(root, word) for word in self.shares)

    def check(self, root: Path, unit: RenderShare) -> None:
        """Raises `HostError` for a node that is not declared here, or not there, or if the hypervisor can't draw."""
        if unit.render_node not in map(node_name, self.shares):
            raise HostError(
                f"The render node {unit.render_node} is not declared on this host",
                detail=f"Declared are: {', '.join(self.shares) or 'none'}.",
                remedy=f"Start the agent with --render-node {unit.render_node.removeprefix('pci-')}=SHARES, or move the server.",
                code="render-node-undeclared",
            )
        if why := self.lacking():
            raise HostError(
                "The hypervisor can't draw for guests on this host",
                detail=f"{why}.",
                remedy="Install qemu-system-gui on Debian 12, qemu-system-modules-opengl on Debian 13 and Ubuntu; the agent sees it within "
                "5 minutes.",
                code="render-qemu",
            )
        check_render_node(root, unit.render_node)

    def _seen(self, root: Path, word: str) -> MdevParentSeen:
        name = node_name(word)
        node, trouble = find_render_node(root, name), self._trouble(root, name)
        card = "" if word == SOFTWARE else word
        numa = node.numa_node if node is not None else None
        why = "" if trouble is None else f"{trouble.brief}. {trouble.detail}"
        return node_seen(name, self.shares[word], card, numa, why, self.limit)

    def _trouble(self, root: Path, name: str) -> HostError | None:
        try:
            self.check(root, RenderShare(name, ""))
        except HostError as error:
            return error
        return None
