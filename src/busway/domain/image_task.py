"""Tasks of images: what an import did, for who asks later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from busway.domain.boolean import parse_boolean
from busway.domain.ids import ImageId, ProjectId, UserId

DIRECT, WEB_DOWNLOAD, GLANCE_DOWNLOAD, COPY = "glance-direct", "web-download", "glance-download", "copy-image"
# What a request says of each method, beside its name.
METHOD_FIELDS: Mapping[str, tuple[str, ...]] = {
    DIRECT: (),
    WEB_DOWNLOAD: ("uri",),
    GLANCE_DOWNLOAD: ("glance_image_id", "glance_region", "glance_service_interface"),
    COPY: (),
}
IMPORT_METHODS = tuple(METHOD_FIELDS)


class TaskStatus(StrEnum):
    """How far an import is; one that only looks at the data is done within its request."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class ImageTask:
    """One import; `message` says why it has failed, `given` is the body of its request.

    `secret` is the caller's token as it is kept (sealed) until the task ends, "" where the task needs none.
    """

    id: str
    status: TaskStatus
    image_id: ImageId
    owner: ProjectId
    user_id: UserId
    request_id: str
    created: datetime
    given: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    ended: datetime | None = None
    secret: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """Where the data is fetched from, "" for staged data."""
        return str(self.given.get("method", {}).get("uri") or "")

    @property
    def method(self) -> str:
        """The import method."""
        return str(self.given.get("method", {}).get("name") or "")

    @property
    def all_must_succeed(self) -> bool:
        """Whether the import fails as a whole where one store fails."""
        return parse_boolean(self.given.get("all_stores_must_succeed", True)) is not False


UNDER_WAY = frozenset({TaskStatus.PENDING, TaskStatus.PROCESSING})
