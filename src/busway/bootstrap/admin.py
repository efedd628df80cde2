"""The first start: one admin whose clouds.yaml is written for the user, and an openrc for clients without clouds.yaml.

The file is written before the database knows the password, so that a crash in between is mended by the next start; a
second control process on the same database finds the admin and writes nothing.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import yaml

from busway.control import flavors, networks
from busway.control.context import Control
from busway.control.identity import directory as identity
from busway.store import audit
from busway.store.audit import Act, Record


def ensure_admin(control: Control) -> Path:
    """Makes the admin, clouds.yaml, openrc and the default flavors at the first start, and the network as configured.

    Returns the path of clouds.yaml.
    """
    path = control.state / "clouds.yaml"
    if identity.is_first_start(control):
        identity.bootstrap_admin(control, _password(control, path))
        flavors.bootstrap_flavors(control)
    networks.bootstrap_network(control, identity.get_operators_project(control).id)
    return path


def recover(control: Control, machine_user: str) -> Path:
    """Gives user admin a new password and all rights back, and writes it down as the first start does.

    For who has the database and this machine, whatever the API would say. Returns the path of clouds.yaml.
    """
    password = secrets.token_urlsafe(18)
    request_id = f"req-{control.new_id()}"
    done = Record(control.now(), request_id, "identity:recover_admin", "CLI", "users/admin", user_name=machine_user)
    with audit.acting(Act(done)):
        identity.recover_admin(control, password)
    path = control.state / "clouds.yaml"
    _write(control, path, password)
    return path


def _password(control: Control, path: Path) -> str:
    """The password in clouds.yaml, which is written with a new one unless it is there."""
    if path.exists():
        return str(yaml.safe_load(path.read_text())["clouds"]["busway"]["auth"]["password"])
    password = secrets.token_urlsafe(18)
    _write(control, path, password)
    return password


def _write(control: Control, path: Path, password: str) -> None:
    settings = control.settings
    write_secret(path.with_name("openrc"), _openrc(settings.public_url, settings.region, password))
    write_secret(path, identity.clouds_yaml(settings.public_url, password, region=settings.region))


def openrc_variables(url: str, region: str, password: str) -> dict[str, str]:
    """What `nova` and other clients that know no clouds.yaml read from their environment."""
    return {
        "OS_AUTH_URL": f"{url.rstrip('/')}/identity/v3",
        "OS_USERNAME": "admin",
        "OS_PASSWORD": password,
        "OS_PROJECT_NAME": "admin",
        "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_DOMAIN_ID": "default",
        "OS_REGION_NAME": region,
        "OS_IDENTITY_API_VERSION": "3",
    }


def _openrc(url: str, region: str, password: str) -> str:
    return "".join(f"export {name}={value}\n" for name, value in openrc_variables(url, region, password).items())


def write_secret(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
