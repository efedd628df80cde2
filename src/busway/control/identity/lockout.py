"""Slows down password guessing: after several failures, the next attempt must wait, longer each time.

Failures are counted by user name and client address together, so that an attacker elsewhere can't lock a user out.
All failures of one address are counted too, against guesses over many names; a name that has logged in from that
address within 30 days is exempt. The wait is at most `LONGEST_SECONDS`. Unknown names are counted like existing
ones, so that nobody learns which names exist.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from busway.control.context import Control
from busway.domain.errors import NotAuthenticated
from busway.store import login_failures as store
from busway.store.database import Tx
from busway.store.login_failures import Failures

FREE_TRIES = 5
FREE_TRIES_OF_ADDRESS = 50
LONGEST_SECONDS = 60
_FORGET = timedelta(hours=1)
_RECENT = timedelta(days=30)
_NAME_CHARS = 255


def check_may_try(control: Control, name: str, address: str) -> None:
    """Raises `NotAuthenticated` if this name or this address must still wait."""
    now = control.now()
    with control.db.read() as tx:
        known = store.find_failures(tx, _key(name), address)
        everyone = store.find_failures(tx, "", address)
    wait = _wait(known, FREE_TRIES, now)
    is_familiar = known is not None and known.succeeded is not None and known.succeeded > now - _RECENT
    if not is_familiar:
        wait = max(wait, _wait(everyone, FREE_TRIES_OF_ADDRESS, now))
    if wait > 0:
        raise NotAuthenticated(
            "Too many log-ins have failed",
            detail=f"The next attempt is possible in {int(wait) + 1} seconds.",
            remedy="Wait, and check OS_USERNAME and OS_PASSWORD.",
            code="login-wait",
        )


def note_failure(control: Control, name: str, address: str) -> None:
    """Counts one failed log-in of a name and an address, in a transaction of its own."""
    now = control.now()
    with control.db.write(aside=True) as tx:
        for each in (_key(name), ""):
            known = store.find_failures(tx, each, address)
            count = 0 if known is None or known.last < now - _FORGET else known.failures
            store.save_failures(tx, each, address, Failures(count + 1, now, known.succeeded if known else None))
        store.forget_failures(tx, now - _RECENT)


def note_success(tx: Tx, name: str, address: str, now: datetime) -> None:
    """Resets the failures of a name at an address, and records that it has logged in from there."""
    known = store.find_failures(tx, _key(name), address)
    if known is None or known.failures or known.succeeded is None or known.succeeded < now - timedelta(days=1):
        store.save_failures(tx, _key(name), address, Failures(0, now, now))


def _wait(known: Failures | None, free: int, now: datetime) -> float:
    if known is None or known.failures < free or known.last < now - _FORGET:
        return 0
    seconds = min(2.0 ** min(known.failures - free, 10), LONGEST_SECONDS)
    return (known.last + timedelta(seconds=seconds) - now).total_seconds()


def _key(name: str) -> str:
    return name.lower()[:_NAME_CHARS] or "(empty)"
