"""`make clients`: the tools of OpenStack's users, unmodified, each in an environment of its own, against Busway."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from tools.command import ROOT, SetupError
from tools.environment import CLIENTS, Environment, lock_stanzas
from tools.stages import clients_stages, run_stages

_LOCKS = ROOT / "requirements"
# By the name of its folder and of its lock: what is in it, and how large it becomes.
TOOLS: Mapping[str, Environment] = MappingProxyType(
    {
        name: Environment(ROOT / f".venv-client-{name}", _LOCKS / f"client-{name}.txt", editable=False)
        for name in ("debian", "ansible", "libcloud")
    }
)


def main(arguments: Sequence[str]) -> int:
    """Make the environments that are missing, and run the tests."""
    parser = argparse.ArgumentParser(prog="clients", description=__doc__)
    parser.add_argument("--no-tests", action="store_true", help="only make the environments")
    chosen = parser.parse_args(arguments)
    try:
        for environment in (CLIENTS, *TOOLS.values()):
            _make(environment)
    except SetupError as error:
        print(f"clients: {error}", file=sys.stderr)
        return 1
    return 0 if chosen.no_tests else run_stages(clients_stages())


def _make(environment: Environment) -> None:
    if environment.is_current():
        return
    packages = len(lock_stanzas(environment.lock.read_text(encoding="utf-8")))
    print(f"clients: making {environment.folder.name} of {packages} packages", flush=True)
    environment.make()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
