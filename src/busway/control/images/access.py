"""Who may see an image: its project, everybody if it is public or community, and its members if it is shared."""

from __future__ import annotations

from busway.domain.caller import Caller
from busway.domain.image import Image
from busway.store.database import Tx
from busway.store.image_members import find_member


def is_member(tx: Tx, caller: Caller, image: Image) -> bool:
    """Returns True if an image is shared with the caller's project, whether or not that has accepted it."""
    is_shared = image.visibility == "shared" and bool(caller.project_id)
    return is_shared and find_member(tx, image.id, caller.project_id) is not None


def may_see(tx: Tx, caller: Caller, image: Image) -> bool:
    """Returns True if the caller may see the image and boot servers from it."""
    return image.is_visible_to(caller) or is_member(tx, caller, image)


def target_of(tx: Tx, caller: Caller, image: Image) -> dict[str, str]:
    """Returns the target for the rules of rights: project and visibility of the image, and the caller's project if it is a member."""
    target = {"project_id": image.owner, "owner": image.owner, "visibility": image.visibility}
    return {**target, "member_id": caller.project_id} if is_member(tx, caller, image) else target
