"""`make bench-peers`: the environment with Nova's and Placement's own code, which the benchmarks run beside Busway's."""

from __future__ import annotations

import sys

from tools.command import ROOT, SetupError
from tools.environment import Environment

PEERS = Environment(ROOT / ".venv-peers", ROOT / "requirements" / "peers.txt", editable=False)


def main() -> int:
    """Make the environment unless it is there already."""
    if PEERS.is_current():
        return 0
    print("peers: making .venv-peers with nova 34.0.0 and placement 16.0.0 (about a minute, 400 MB)", flush=True)
    try:
        PEERS.make()
    except SetupError as error:
        print(f"peers: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
