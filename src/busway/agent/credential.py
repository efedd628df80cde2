"""The agent's one credential: where its control plane is, which host it is, and its token."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from busway.domain.errors import InvalidConfig


@dataclass(frozen=True, slots=True)
class Credential:
    """What the credential file says; the token is kept out of the repr, so that no log prints it."""

    url: str
    host: str
    token: str = field(repr=False)


def read_credential(path: Path) -> Credential:
    """Reads a credential file: JSON with url, host and token, which only its owner may read (0600)."""
    try:
        mode = path.stat().st_mode & 0o777
        data = path.read_bytes()
    except OSError as error:
        raise InvalidConfig(
            f"The credential file {path} can't be read",
            detail=error.strerror or str(error),
            remedy="Make it on the control plane's machine and copy it here, mode 600.",
            code="no-credential",
        ) from error
    if mode & 0o077:
        raise InvalidConfig(
            f"Others may read the credential file {path}",
            detail=f"Its mode is {mode:o}.",
            remedy=f"Run `chmod 600 {path}`.",
            code="credential-mode",
        )
    try:
        return msgspec.json.decode(data, type=Credential)
    except msgspec.MsgspecError as error:
        raise InvalidConfig(
            f"{path} is no credential file", detail=str(error), remedy="Make it anew.", code="credential-form"
        ) from error
