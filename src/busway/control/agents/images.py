"""The data of images for agents: each agent may fetch the images of the servers on its own host only."""

from __future__ import annotations

from pathlib import Path

from busway.control.agents.identity import owner_of
from busway.control.context import Control
from busway.control.images.stores import image_path
from busway.domain.errors import Forbidden
from busway.store import images, moves, server_places


def image_file(control: Control, token: str, image_id: str, shown: str | None = None) -> Path:
    """The file with an image's data in any store that has it, of a deleted image too while servers use it.

    Raises `NotAuthenticated` for a token of no host, `Forbidden` when no server of the host has the image.
    """
    host = owner_of(control, token, shown)
    with control.db.read() as tx:
        wanted_here = {each for row in server_places.list_on_host(tx, host.id) for each in row.images}
        sources = [move.source for move in moves.list_open_moves(tx, [host.id])]
        wanted_here |= {each for side in sources for each in (side.image_id, side.ephemeral_image_id) if each}
        if image_id not in wanted_here:
            raise Forbidden(
                f"Host {host.name} has no server with image {image_id}",
                detail="An agent may fetch the images of its own servers only.",
                code="agent-foreign-image",
            )
        image = images.find_image(tx, image_id)
    if image is None:
        raise images.image_not_found(image_id)
    return image_path(control, image)
