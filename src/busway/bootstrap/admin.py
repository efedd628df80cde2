"""The first start: one admin whose clouds.yaml is written for the user, and an openrc for clients without clouds.yaml.

The file is written before the database knows the password, so that the next start repairs a crash in between; a
second control process on the same database finds the admin and writes nothing.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import yaml

from busway.control import flavors, networks
from busway.control.context import Control
from busway.control.durable import write_secret
from busway.control.identity import directory as identity
from busway.control.identity import service_catalog
from busway.store import audit
from busway.store.audit import Act, Record


def ensure_admin(control: Control, ca: Path | None = None) -> Path:
    """Makes the admin, clouds.yaml, openrc, the catalog and flavors at the first start, and the network as configured.

    `ca` is the authority that clients must trust, None for the system's. Returns the path of clouds.yaml.
    """
    path = control.state / "clouds.yaml"
    if identity.is_first_start(control):
        identity.bootstrap_admin(control, _password(control, path, ca))
        flavors.bootstrap_flavors(control)
    service_catalog.ensure_catalog(control)
    networks.bootstrap_network(control, identity.get_operators_project(control).id)
    tell_clients(path, control.settings.public_url, ca)
    return path


def recover(control: Control, machine_user: str) -> Path:
    """Gives user admin a new password and all rights back, and writes it down as the first start does.

    For the operator who has the database and this machine; the API's rules do not apply. Returns the path of
    clouds.yaml.
    """
    password = secrets.token_urlsafe(18)
    request_id = f"req-{control.new_id()}"
    done = Record(control.now(), request_id, "identity:recover_admin", "CLI", "users/admin", user_name=machine_user)
    with audit.acting(Act(done)):
        identity.recover_admin(control, password)
    path = control.state / "clouds.yaml"
    if path.exists():
        _write_password(path, password)
    else:
        _write(control, path, password, None)  # the next start adds the authority
    return path


def _password(control: Control, path: Path, ca: Path | None) -> str:
    """The password in clouds.yaml, which is written with a new one unless it is there."""
    if path.exists():
        return str(yaml.safe_load(path.read_text())["clouds"]["busway"]["auth"]["password"])
    password = secrets.token_urlsafe(18)
    _write(control, path, password, ca)
    return password


def _write(control: Control, path: Path, password: str, ca: Path | None) -> None:
    settings = control.settings
    write_secret(path.with_name("openrc"), _openrc(settings.public_url, settings.region, password, ca))
    cacert = str(ca) if ca else ""
    text = identity.clouds_yaml(settings.public_url, password, region=settings.region, cacert=cacert)
    write_secret(path, text)


def _write_password(clouds: Path, password: str) -> None:
    """Replaces the password in clouds.yaml and openrc; all else in them stays."""
    text = yaml.safe_load(clouds.read_text())
    text["clouds"]["busway"]["auth"]["password"] = password
    write_secret(clouds, yaml.safe_dump(text, sort_keys=False))
    openrc = clouds.with_name("openrc")
    if openrc.exists():
        lines = [each for each in openrc.read_text().splitlines() if not each.startswith("export OS_PASSWORD=")]
        write_secret(openrc, "".join(f"{each}\n" for each in [*lines, f"export OS_PASSWORD={password}"]))


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


def _openrc(url: str, region: str, password: str, ca: Path | None) -> str:
    variables = openrc_variables(url, region, password) | ({"OS_CACERT": str(ca)} if ca else {})
    return "".join(f"export {name}={value}\n" for name, value in variables.items())


def tell_clients(clouds: Path, url: str, ca: Path | None) -> None:
    """Updates URL and authority in clouds.yaml and openrc if they have changed; everything else in the files stays."""
    if not clouds.exists():
        return
    text = yaml.safe_load(clouds.read_text())
    entry = text.get("clouds", {}).get("busway")
    wanted, cacert = f"{url.rstrip('/')}/identity", str(ca) if ca else None
    if entry is None or (entry["auth"].get("auth_url"), entry.get("cacert")) == (wanted, cacert):
        return
    entry["auth"]["auth_url"] = wanted
    entry.pop("cacert", None)
    entry |= {"cacert": cacert} if cacert else {}
    write_secret(clouds, yaml.safe_dump(text, sort_keys=False))
    openrc = clouds.with_name("openrc")
    if openrc.exists():
        kept = [
            one
            for one in openrc.read_text().splitlines()
            if not one.startswith(("export OS_AUTH_URL=", "export OS_CACERT="))
        ]
        lines = [*kept, f"export OS_AUTH_URL={wanted}/v3", *([f"export OS_CACERT={cacert}"] if cacert else [])]
        write_secret(openrc, "".join(f"{line}\n" for line in lines))
