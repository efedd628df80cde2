"""`make clients`: the tools of OpenStack's users, unmodified, each in an environment of its own, against Busway."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType

from tools.command import ROOT, SetupError
from tools.environment import CLIENTS, Environment, lock_stanzas
from tools.stages import clients_stages, run_stages

_LOCKS = ROOT / "requirements"
# The name is in those of the folder and of the lock.
TOOLS: Mapping[str, Environment] = MappingProxyType(
    {
        name: Environment(ROOT / f".venv-client-{name}", _LOCKS / f"client-{name}.txt", editable=False)
        for name in ("debian", "ansible", "libcloud")
    }
)


def main() -> int:
    """Make the environments that are missing, and run the tests."""
    try:
        for environment in (CLIENTS, *TOOLS.values()):
            _make(environment)
    except SetupError as error:
        print(f"clients: {error}", file=sys.stderr)
        return 1
    return run_stages(clients_stages())


def _make(environment: Environment) -> None:
    if environment.is_current():
        return
    packages = len(lock_stanzas(environment.lock.read_text(encoding="utf-8")))
    print(f"clients: making {environment.folder.name} of {packages} packages", flush=True)
    environment.make()


if __name__ == "__main__":
    sys.exit(main())
