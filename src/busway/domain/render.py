"""Render nodes that guests share: what a host offers of them, and how a flavor asks for a share.

A guest with a share has a virtio GPU whose drawing is done on the host, by the node's GPU or by Mesa's software. A share is
no piece of the GPU: all guests of a node compete for it, and the number of shares is the operator's limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from busway.domain.mdev import MdevOffer, MdevParentSeen, MdevTypeSeen
from busway.domain.units.render import RenderShare
from busway.domain.virgl import VIRGL

SOFTWARE = "software"  # the operator's word for the node that Mesa renders for without a GPU
SOFTWARE_NODE = "platform-vgem"
MAX_SHARES = 1024


def node_name(word: str) -> str:
    """How udev calls the node of a PCI address, or the software's."""
    return SOFTWARE_NODE if word == SOFTWARE else f"pci-{word}"


def node_seen(
    node: str, shares: int, card: str = "", numa_node: int | None = None, trouble: str = "", limit: int | None = None
) -> MdevParentSeen:
    """A node as its host reports it; `limit` is what all nodes of the host give together."""
    kinds = (MdevTypeSeen(VIRGL, "", shares, most=limit),)
    return MdevParentSeen(node, kinds, numa_node, card, kind=RenderShare.kind, trouble=trouble)


def capped(offers: Iterable[MdevOffer]) -> tuple[MdevOffer, ...]:
    """The offers of one host, of which render nodes give nothing more once the host's limit is reached."""
    offers = tuple(offers)
    nodes = [offer for offer in offers if offer.kind == RenderShare.kind]
    limits = [offer.host_limit for offer in nodes if offer.host_limit is not None]
    if not limits or sum(len(offer.taken) for offer in nodes) < min(limits):
        return offers
    words = f"its host gives {min(limits)} shares in all, and all have a server"
    return tuple(
        replace(offer, blocked=offer.blocked or words) if offer.kind == RenderShare.kind else offer for offer in offers
    )
