"""The use cases of key pairs."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from busway.control import quotas
from busway.control.context import Control
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Unavailable
from busway.domain.ids import UserId
from busway.domain.keypair import SSH, X509, Keypair, ssh_fingerprint
from busway.domain.quota import Usage
from busway.pki.client_certificate import certificate_fingerprint, make_client_certificate
from busway.policy import authorize
from busway.store import keypairs as store

_NAME = re.compile(r"[A-Za-z0-9 _.@-]{1,255}")
_GENERATE_SECONDS = 30


def import_keypair(
    control: Control, caller: Caller, name: str, public_key: str, user_id: UserId | None = None, kind: str = SSH
) -> Keypair:
    """Stores a user's own public key, or certificate; another user's only for an admin."""
    owner = _owner(caller, user_id, "create")
    if not _NAME.fullmatch(name) or name != name.strip():
        raise BadInput(
            f"Keypair name '{name}' is not allowed",
            detail="It may have letters, digits, spaces, and any of _ - . @",
            code="invalid-keypair-name",
        )
    public_key = public_key.strip()
    fingerprint = certificate_fingerprint(public_key) if kind == X509 else ssh_fingerprint(public_key)
    keypair = Keypair(owner, name, public_key, fingerprint, control.now(), kind)
    with control.db.write() as tx:
        known = store.count_keypairs(tx, owner)
        one, used = Usage({"key_pairs": 1}), Usage({"key_pairs": known})
        quotas.check(control, tx, caller.project_id, one, user_id=owner, used=used)
        store.add_keypair(tx, keypair)
    return keypair


def generate_keypair(control: Control, caller: Caller, name: str, user_id: UserId | None = None) -> tuple[Keypair, str]:
    """Makes a new key, stores its public half and returns it with the private half, which is not kept."""
    with tempfile.TemporaryDirectory(prefix="busway-key-") as folder:
        file = Path(folder) / "key"
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "Generated-by-Busway", "-f", str(file)]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_GENERATE_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            raise Unavailable(
                "No key could be generated",
                detail=f"ssh-keygen did not run: {error}",
                remedy="Create the key yourself and import its .pub file, or install openssh-client on the server.",
                code="ssh-keygen",
            ) from error
        private = file.read_text()
        public = file.with_suffix(".pub").read_text().strip()
    return import_keypair(control, caller, name, public, user_id), private


def generate_certificate(
    control: Control, caller: Caller, name: str, user_id: UserId | None = None
) -> tuple[Keypair, str]:
    """Makes a certificate for the user, stores it and returns it with its private key, which is not kept."""
    public, private = make_client_certificate(str(user_id or caller.user_id), control.now())
    return import_keypair(control, caller, name, public, user_id, X509), private


def list_keypairs(
    control: Control,
    caller: Caller,
    user_id: UserId | None = None,
    *,
    limit: int | None = None,
    marker: str | None = None,
) -> list[Keypair]:
    """The keys of the caller, or of another user for an admin: all of them, or a page."""
    owner = _owner(caller, user_id, "index")
    with control.db.read() as tx:
        return store.list_keypairs(tx, owner, limit=limit, marker=marker)


def get_keypair(control: Control, caller: Caller, name: str, user_id: UserId | None = None) -> Keypair:
    """One key by name; raises `NotFound`."""
    owner = _owner(caller, user_id, "show")
    with control.db.read() as tx:
        return store.get_keypair(tx, owner, name)


def delete_keypair(control: Control, caller: Caller, name: str, user_id: UserId | None = None) -> None:
    """Forgets a key; servers that were given it keep it."""
    owner = _owner(caller, user_id, "delete")
    with control.db.write() as tx:
        store.delete_keypair(tx, owner, name)


def _owner(caller: Caller, user_id: UserId | None, act: str) -> UserId:
    if user_id is None or user_id == caller.user_id:
        return caller.user_id
    authorize(caller, f"os_compute_api:os-keypairs:{act}", {"user_id": user_id})
    return user_id
