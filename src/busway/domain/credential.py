"""Credentials that a user keeps in the cloud, and EC2's among them: an access key with its secret, as in Keystone."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from busway.domain.errors import BadInput
from busway.domain.ids import ProjectId, UserId

EC2 = "ec2"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a user keeps; `blob` is the secret itself, and "" where it is not read.

    `access_hash` is that of the access key of one of type ec2, "" for all others.
    """

    id: str
    type: str
    user_id: UserId
    project_id: ProjectId | None = None
    access_hash: str = ""
    blob: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What the blob of a credential of type ec2 holds."""

    access: str
    secret: str = field(repr=False)

    @property
    def hash(self) -> str:
        """What an access key is found by, and the id of a new credential of this type. Source: Keystone's ids of them."""
        return hashlib.sha256(self.access.encode()).hexdigest()

    def to_blob(self) -> str:
        """The pair as it is kept."""
        return json.dumps({"access": self.access, "secret": self.secret})


def read_access_key(blob: str) -> AccessKey:
    """The pair in a blob; raises `BadInput` for one without it."""
    try:
        found = json.loads(blob)
        access, secret = found["access"], found["secret"]
    except (ValueError, TypeError, KeyError, RecursionError):
        access = secret = None
    if not (isinstance(access, str) and isinstance(secret, str) and 0 < len(access) <= 255 and secret):
        raise BadInput(
            "The blob of a credential of type ec2 has no access key",
            detail="It is JSON with the texts access, of up to 255 characters, and secret.",
            remedy='Write {"access": "…", "secret": "…"}, or let Busway make one: openstack ec2 credentials create',
            code="credential-blob",
        )
    return AccessKey(access, secret)
