"""Password hashes: argon2 in a small thread pool, so that guesses exhaust neither memory nor request threads.

One check takes about 50 ms and 64 MiB by design. At most `password_threads` run at once; if the queue is full, the
request gets `Unavailable`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import BoundedSemaphore
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from busway.control.settings import Settings
from busway.domain.errors import BadInput, Unavailable

T = TypeVar("T")
# What is stored for a user who has no password: no password matches it.
NO_PASSWORD = "!"  # noqa: S105
_WAITING_PER_THREAD = 32
_WAIT_SECONDS = 30.0


class Passwords:
    """A thread pool with the parameters of argon2."""

    def __init__(self, memory_kib: int, iterations: int, lanes: int, threads: int) -> None:
        self._hasher = PasswordHasher(time_cost=iterations, memory_cost=memory_kib, parallelism=lanes)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._room = BoundedSemaphore(threads * (1 + _WAITING_PER_THREAD))
        # Verified when there is no such user, so that a wrong name takes as long as a wrong password.
        self.of_nobody = self.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """Returns the hash of a new password; raises `BadInput` for an empty one."""
        if not password:
            raise BadInput("The password is empty", remedy="Choose another one.", code="empty-password")
        return self._run(self._hasher.hash, password)

    def check(self, password_hash: str, password: str) -> bool:
        """Returns True if a password matches a hash; takes as long for a user without a password."""
        if not password_hash or password_hash == NO_PASSWORD:
            self._run(self._verify, self.of_nobody, password)
            return False
        return self._run(self._verify, password_hash, password)

    def is_outdated(self, password_hash: str) -> bool:
        """Returns True if a hash was made with other parameters than the configured ones."""
        return self._hasher.check_needs_rehash(password_hash)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerifyMismatchError, InvalidHashError):
            return False

    def _run(self, work: Callable[..., T], *args: str) -> T:
        if not self._room.acquire(blocking=False):
            raise Unavailable(
                "Too many passwords are being checked",
                remedy="Try again in a few seconds.",
                code="passwords-busy",
            )
        try:
            return self._pool.submit(work, *args).result(_WAIT_SECONDS)
        finally:
            self._room.release()


def passwords(settings: Settings) -> Passwords:
    """Returns the pool of this process for the configured parameters."""
    return _pool(
        settings.password_memory_kib, settings.password_iterations, settings.password_lanes, settings.password_threads
    )


@cache
def _pool(memory_kib: int, iterations: int, lanes: int, threads: int) -> Passwords:
    return Passwords(memory_kib, iterations, lanes, threads)
