"""The programs of a host's networks: each is run with a deadline, and its own words end up in the error."""

from __future__ import annotations

import subprocess

from busway.domain.errors import HostError

_SECONDS = 60.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(*argv: str, text: str = "") -> str:
    """Runs a program and answers what it printed; raises `HostError` when it fails, is missing or takes too long."""
    try:
        done = subprocess.run(
            argv, input=text, capture_output=True, text=True, timeout=_SECONDS, env={"PATH": _PATH, "LC_ALL": "C"}
        )
    except FileNotFoundError as error:
        raise HostError(
            f"{argv[0]} is not installed on this host",
            remedy="apt-get install nftables iproute2 dnsmasq-base",
            code="network-program-missing",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise HostError(f"{argv[0]} took more than {_SECONDS:.0f} s", code="network-program-failed") from error
    if done.returncode != 0:
        raise HostError(
            f"{' '.join(argv[:4])} failed on this host",
            detail=(done.stderr or done.stdout).strip()[:2000],
            remedy="Read the detail; the agent retries in its next round.",
            code="network-program-failed",
        )
    return done.stdout


def succeeds(*argv: str) -> bool:
    """True when a program that only asks ends with success."""
    try:
        run(*argv)
    except HostError:
        return False
    return True
