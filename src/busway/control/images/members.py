"""The use cases of image members: projects that an image is shared with, and that accept or reject it."""

from __future__ import annotations

from dataclasses import replace

from busway.control.context import Control
from busway.control.images.access import is_member, may_see, target_of
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, Forbidden, NotFound, TooLarge
from busway.domain.ids import ProjectId
from busway.domain.image import Image
from busway.domain.image_member import MOST_MEMBERS, ImageMember, MemberStatus
from busway.policy import authorize
from busway.store import image_members as store
from busway.store.database import Tx
from busway.store.images import get_image, image_not_found


def add_member(control: Control, caller: Caller, image_id: str, project_id: str) -> ImageMember:
    """Shares an image with a project, with status pending.

    Raises `Forbidden` for an image that is not shared, `Conflict` for an existing member, `TooLarge` above the
    limit.
    """
    with control.db.write() as tx:
        image = _owned(tx, caller, image_id, "add_member")
        if image.visibility != "shared":
            raise Forbidden(
                f"Image {image.id} is {image.visibility}: only shared images have members",
                remedy=f"openstack image set --shared {image.id}",
                code="image-not-shared",
            )
        members = store.list_members(tx, image.id)
        if any(member.project_id == project_id for member in members):
            raise Conflict(f"Image {image.id} is shared with project {project_id} already", code="image-member-exists")
        if len(members) >= MOST_MEMBERS:
            raise TooLarge(
                f"Image {image.id} is shared with {len(members)} projects, the most that an image may have",
                remedy="Remove one, or make it a community image, which every project may use by its id.",
                code="image-limit",
            )
        now = control.now()
        made = ImageMember(image.id, ProjectId(project_id), MemberStatus.PENDING, now, now)
        store.add_member(tx, made)
    return made


def list_members(control: Control, caller: Caller, image_id: str) -> list[ImageMember]:
    """Lists the members of an image; a member sees only itself."""
    with control.db.read() as tx:
        image = _seen(tx, caller, image_id)
        authorize(caller, "get_members", target_of(tx, caller, image))
        return [each for each in store.list_members(tx, image.id) if _may_see(caller, image, each)]


def get_member(control: Control, caller: Caller, image_id: str, project_id: str) -> ImageMember:
    """Returns one member; raises `NotFound`, also for other members if the caller is a member itself."""
    with control.db.read() as tx:
        image = _seen(tx, caller, image_id)
        authorize(caller, "get_member", target_of(tx, caller, image))
        member = _member(tx, image, project_id)
        if not _may_see(caller, image, member):
            raise _not_a_member(image, project_id)
        return member


def answer_image(control: Control, caller: Caller, image_id: str, project_id: str, status: str) -> ImageMember:
    """Sets the status of a member; only its project or an admin may."""
    if status not in tuple(MemberStatus):
        raise BadInput(
            f"Invalid status '{status}' of a member of an image",
            detail=f"There are {', '.join(MemberStatus)}.",
            code="image-member-status",
        )
    with control.db.write() as tx:
        image = _seen(tx, caller, image_id, lock=True)
        member = _member(tx, image, project_id)
        authorize(caller, "modify_member", {**target_of(tx, caller, image), "member_id": member.project_id})
        answered = replace(member, status=MemberStatus(status), updated=control.now())
        store.save_member(tx, answered)
    return answered


def remove_member(control: Control, caller: Caller, image_id: str, project_id: str) -> None:
    """Stops sharing an image with a project; its servers made from it are not affected."""
    with control.db.write() as tx:
        image = _owned(tx, caller, image_id, "delete_member")
        store.delete_member(tx, image.id, _member(tx, image, project_id).project_id)


def _seen(tx: Tx, caller: Caller, image_id: str, *, lock: bool = False) -> Image:
    image = get_image(tx, image_id, lock=lock)
    if not (caller.may_see(image.owner) or is_member(tx, caller, image)):
        raise image_not_found(image_id)
    return image


def _owned(tx: Tx, caller: Caller, image_id: str, rule: str) -> Image:
    image = get_image(tx, image_id, lock=True)
    if not may_see(tx, caller, image):
        raise image_not_found(image_id)
    if not caller.may_see(image.owner):
        raise Forbidden(f"Image {image_id} belongs to another project", code="image-not-owned")
    authorize(caller, rule, target_of(tx, caller, image))
    return image


def _member(tx: Tx, image: Image, project_id: str) -> ImageMember:
    member = store.find_member(tx, image.id, project_id)
    if member is None:
        raise _not_a_member(image, project_id)
    return member


def _may_see(caller: Caller, image: Image, member: ImageMember) -> bool:
    return caller.may_see(image.owner) or member.project_id == caller.project_id


def _not_a_member(image: Image, project_id: str) -> NotFound:
    return NotFound(
        f"Image {image.id} is not shared with project {project_id}",
        remedy=f"List its members: openstack image member list {image.id}",
        code="image-member-not-found",
    )
