"""Members of shared images: the projects that an image's owner lets use it, and what these have said to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from busway.domain.ids import ImageId, ProjectId

MOST_MEMBERS = 128  # of one image, as Glance's image_member_quota


class MemberStatus(StrEnum):
    """What a member has said to an image: only ACCEPTED ones stand in its lists."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class ImageMember:
    """A project that may see, boot and download a shared image."""

    image_id: ImageId
    project_id: ProjectId
    status: MemberStatus
    created: datetime
    updated: datetime
