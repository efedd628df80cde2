"""`make mutation`: changes the pure packages at random places and counts which changes no test notices."""

from __future__ import annotations

import subprocess
import sys

from tools.command import ROOT, SetupError
from tools.environment import Environment

MUTATION = Environment(ROOT / ".venv-mutation", ROOT / "requirements" / "mutation.txt", editable=True)


def main(patterns: list[str]) -> int:
    """Run mutmut over the functions that the patterns name ("busway.scheduler.numa*"), or over all of them (hours)."""
    try:
        if not MUTATION.is_current():
            print("mutation: making .venv-mutation (about a minute, once)", flush=True)
            MUTATION.make()
    except SetupError as error:
        print(f"mutation: {error}", file=sys.stderr)
        return 1
    mutmut = str(MUTATION.folder / "bin" / "mutmut")
    done = subprocess.run([mutmut, "run", *patterns], cwd=ROOT, check=False)
    subprocess.run([mutmut, "results"], cwd=ROOT, check=False)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
