"""`make setup`: packages, Python environments and PostgreSQL programs; does nothing where nothing changed."""

from __future__ import annotations

import os
import sys
import time

from tools import packages, postgres
from tools.command import LOG, ROOT, SetupError
from tools.environment import CLIENTS, DEV, Environment, lock_stanzas


def main() -> int:
    """Bring this checkout to a state in which every other target works."""
    began = time.monotonic()
    LOG.unlink(missing_ok=True)
    try:
        if not os.environ.get("BUSWAY_SKIP_PACKAGES"):
            _install_packages()
        for environment, purpose in ((DEV, "Busway and its tools"), (CLIENTS, "the stock OpenStack clients")):
            _make_environment(environment, purpose)
        if not os.environ.get("BUSWAY_SKIP_PACKAGES"):
            _unpack_postgres()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    _note("setup", f"complete ({time.monotonic() - began:.1f} s)")
    return 0


def _install_packages() -> None:
    needed = packages.list_packages()
    packages.require_debian_12(needed)
    missing = packages.missing_packages([package.name for package in needed])
    if not missing:
        return
    why = {package.name: package.why for package in needed}
    _note("packages", f"{len(missing)} of {len(needed)} Debian packages are missing; installing them (about a minute):")
    for name in missing:
        _note("", f"  {name:<28}{why[name]}")
    began = time.monotonic()
    packages.install(missing)
    _note("packages", f"installed ({time.monotonic() - began:.0f} s)")


def _make_environment(environment: Environment, purpose: str) -> None:
    if environment.is_current():
        return
    lock = environment.lock.relative_to(ROOT)
    count = len(lock_stanzas(environment.lock.read_text(encoding="utf-8")))
    _note(environment.folder.name, f"{purpose}: {count} packages from {lock} (about a minute)")
    began = time.monotonic()
    environment.make()
    _note(environment.folder.name, f"ready ({time.monotonic() - began:.0f} s)")


def _unpack_postgres() -> None:
    if postgres.find_bin() is not None:
        return
    _note("postgres", "unpacking PostgreSQL 15 for the tests, privately (17 MB; no service is installed)")
    began = time.monotonic()
    _note("postgres", f"{postgres.unpack()} ({time.monotonic() - began:.0f} s)")


def _note(what: str, text: str) -> None:
    print(f"{what:<14}{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
