"""`make deb`: builds dist/busway_VERSION_ARCHITECTURE.deb."""

from __future__ import annotations

import sys
import time

from tools.command import ROOT, SetupError
from tools.deb.build import Package


def main() -> int:
    """Build the package and say how large it is."""
    began = time.monotonic()
    try:
        built = Package().build(ROOT / "dist")
    except SetupError as error:
        print(f"deb: {error}", file=sys.stderr)
        return 1
    size = built.stat().st_size / 2**20
    print(f"{built.relative_to(ROOT)}: {size:.1f} MiB ({time.monotonic() - began:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
