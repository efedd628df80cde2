"""The agent's one credential: where its control plane is, whom to trust, which host it is, and its secrets."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from busway.domain.errors import InvalidConfig
from busway.hardware.durable import write_durably
from busway.pki.context import client_context


@dataclass(frozen=True, slots=True)
class Credential:
    """What the credential file says; secrets are kept out of the repr, so that no log prints them.

    `ca` is the control plane's authority as PEM, "" for those of the system. `certificate` and `key` are what the agent
    shows over TLS. From `renew_at` on (seconds since the epoch, 0 for never) the agent gets itself a new credential.
    """

    url: str
    host: str
    token: str = field(repr=False)
    ca: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    renew_at: float = 0

    def tls(self) -> ssl.SSLContext:
        """The TLS context: which authority to trust, and which certificate to show."""
        return client_context(self.ca, self.certificate, self.key)


def read_credential(path: Path) -> Credential:
    """Reads a credential file, which only its owner may read (0600)."""
    try:
        mode = path.stat().st_mode & 0o777
        data = path.read_bytes()
    except OSError as error:
        raise InvalidConfig(
            f"The credential file {path} can't be read",
            detail=error.strerror or str(error),
            remedy="Let this host join: `busway host create NAME` on the control plane's side prints a token; then "
            "run here: busway agent join TOKEN",
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
            f"{path} is not a credential file",
            detail=str(error),
            remedy="Let this host join again.",
            code="credential-form",
        ) from error


def write_credential(path: Path, credential: Credential) -> None:
    """Writes a credential file, whole or not at all, for its owner only."""
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, parents=True)
    write_durably(path, msgspec.json.format(msgspec.json.encode(credential), indent=2) + b"\n")


def check_writable(path: Path) -> None:
    """Raises for a path where the credential can't be written, before the join token is used up."""
    folder = next(each for each in path.absolute().parents if each.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidConfig(
            f"The credential can't be written to {path}",
            detail=f"{folder} is not a folder that this user can write to.",
            remedy="Run this as root, or choose another file with --credential.",
            code="credential-place",
        )
