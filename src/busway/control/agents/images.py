"""The data of images as agents fetch it: only what the agent's own host has servers of."""

from __future__ import annotations

from pathlib import Path

from busway.control.agents.desired import token_hash
from busway.control.context import Control
from busway.control.images.catalogue import image_folder
from busway.domain.errors import Forbidden, NotAuthenticated
from busway.store import hosts, images, moves, servers


def image_file(control: Control, token: str, image_id: str) -> Path:
    """The file with an image's data, a deleted image too while servers use it.

    Raises `NotAuthenticated` for a token of no host, `Forbidden` when no server of the host has the image.
    """
    wanted = token_hash(token)
    with control.db.read() as tx:
        host = next((each for each in hosts.list_hosts(tx) if each.token_hash == wanted), None)
        if host is None:
            raise NotAuthenticated(
                "This agent's credential is not known here",
                remedy="Make a new one with `busway host create NAME --rotate` and start the agent with it.",
                code="agent-credential-unknown",
            )
        wanted_here = {each for row in servers.list_on_host(tx, host.id) for each in row.images}
        wanted_here |= {move.source.image_id for move in moves.list_open_moves(tx, host.id)}
        if image_id not in wanted_here:
            raise Forbidden(
                f"Host {host.name} has no server with image {image_id}",
                detail="An agent may fetch the images of its own servers only.",
                code="agent-foreign-image",
            )
        return image_folder(control) / images.get_image_ref(tx, image_id).sha256
