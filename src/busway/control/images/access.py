"""Who may see an image: its project, everybody for public and community ones, and the members of shared ones."""

from __future__ import annotations

from busway.domain.caller import Caller
from busway.domain.image import Image
from busway.store.database import Tx
from busway.store.image_members import find_member


def is_member(tx: Tx, caller: Caller, image: Image) -> bool:
    """True when a shared image is shared with the caller's project, whatever that has said to it."""
    is_shared = image.visibility == "shared" and bool(caller.project_id)
    return is_shared and find_member(tx, image.id, caller.project_id) is not None


def may_see(tx: Tx, caller: Caller, image: Image) -> bool:
    """True when the caller may see and boot it."""
    return image.is_visible_to(caller) or is_member(tx, caller, image)


def target_of(tx: Tx, caller: Caller, image: Image) -> dict[str, str]:
    """What the rules are asked about: the image's project and visibility, and the caller's project where it is a member."""
    target = {"project_id": image.owner, "owner": image.owner, "visibility": image.visibility}
    return {**target, "member_id": caller.project_id} if is_member(tx, caller, image) else target
