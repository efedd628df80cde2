"""Calls that may hang, with a deadline: the caller continues, and the call is left running."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from busway.domain.errors import Unavailable
from busway.hypervisor.seam import DomainSeen, Hypervisor, HypervisorFacts

_T = TypeVar("_T")


class _Call(Generic[_T]):
    def __init__(self, act: Callable[[], _T]) -> None:
        self._act = act
        self._ended = threading.Event()
        self._result: list[_T] = []
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="a call that may hang", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        return self._ended.wait(seconds)

    def result(self) -> _T:
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _run(self) -> None:
        try:
            self._result.append(self._act())
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()


class PatientHypervisor:
    """Looks at a hypervisor with a deadline of `seconds` for each look; acts of its own are not its business.

    While an earlier call hangs, no other is started: a new caller waits for that call and gets its result.
    """

    def __init__(self, hypervisor: Hypervisor, seconds: float) -> None:
        self._hypervisor = hypervisor
        self._seconds = seconds
        self._domains: _Call[tuple[DomainSeen, ...]] | None = None
        self._facts: _Call[HypervisorFacts] | None = None

    def domains(self) -> tuple[DomainSeen, ...]:
        """Lists the domains; raises `Unavailable` (`libvirt-slow`) at the deadline."""
        late = self._domains
        if late is not None and late.wait(self._seconds):  # what it brings is old by now: ask again
            late = self._domains = None
        call = self._domains = late or _Call(self._hypervisor.domains)
        if not call.wait(self._seconds):
            raise _slow(self._seconds)
        self._domains = None
        return call.result()

    def facts(self) -> HypervisorFacts:
        """Tells what the hypervisor is, with the same deadline."""
        call = self._facts = self._facts or _Call(self._hypervisor.facts)
        if not call.wait(self._seconds):
            raise _slow(self._seconds)
        self._facts = None
        return call.result()


def _slow(seconds: float) -> Unavailable:
    return Unavailable(
        f"libvirt did not answer in {seconds:g} s",
        detail="One of its calls delays the others, such as the start of a guest that pins much memory.",
        remedy="Wait, or check libvirtd and the QEMU processes of this host; the agent retries automatically.",
        code="libvirt-slow",
    )
