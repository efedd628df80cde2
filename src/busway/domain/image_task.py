"""Tasks of images: what an import did, for who asks later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from busway.domain.ids import ImageId, ProjectId, UserId

DIRECT, WEB_DOWNLOAD = "glance-direct", "web-download"
IMPORT_METHODS = (DIRECT, WEB_DOWNLOAD)
STORE = "file"  # there is one store: the image folder


class TaskStatus(StrEnum):
    """How far an import is; one that only looks at the data is done within its request."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class ImageTask:
    """One import; `message` says why it has failed, `given` is the body of its request."""

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

    @property
    def url(self) -> str:
        """Where the data is fetched from, "" for staged data."""
        return str(self.given.get("method", {}).get("uri") or "")


UNDER_WAY = frozenset({TaskStatus.PENDING, TaskStatus.PROCESSING})
