"""A network namespace of this process: it lives as long as one thread does, so nothing of it outlives the process."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

_CLONE_NEWNET = 0x40000000
_SECONDS = 60.0

Result = TypeVar("Result")


class Namespace:
    """A new namespace, without any interface but a loopback that is down; raises `OSError` where the kernel refuses.

    Sockets and programs that `do` makes are in it. A socket stays in it, whichever thread uses it.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="namespace")
        try:
            self._number = self.do(_enter)
        except OSError:
            self.end()
            raise

    @property
    def neighbours(self) -> Path:
        """The kernel's table of the namespace's IPv4 neighbours."""
        return Path(f"/proc/self/task/{self._number}/net/arp")

    def do(self, act: Callable[[], Result]) -> Result:
        """Does something in the namespace, and answers or raises what it does."""
        return self._thread.submit(act).result(_SECONDS)

    def end(self) -> None:
        """Leaves it; its interfaces go with the last socket in it."""
        self._thread.shutdown(wait=False)


def _enter() -> int:
    """Moves the calling thread, and no other, into a new namespace; answers the thread's number (unshare(2))."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"unshare: {os.strerror(number)}")
    return threading.get_native_id()
