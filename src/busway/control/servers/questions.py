"""Asks a host about a guest or itself, and waits for the answer.

A question is a row for as long as somebody waits. The host's agent reads it with the calls for consoles, in the same long poll,
and hands in its answer to any process of the control plane.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from busway.control.context import Control
from busway.control.identity.vault import other_key, sealer
from busway.control.placement.request import server_words
from busway.control.servers.access import note_action, placed_server, server_row
from busway.control.servers.console import topic
from busway.domain.caller import Caller
from busway.domain.console import SpiceEnds
from busway.domain.diagnostics import Diagnostics
from busway.domain.errors import BuswayError, Conflict, NotFound, Unavailable
from busway.domain.guest_machine import machine_of
from busway.domain.ids import HostId, ServerId
from busway.domain.question import DIAGNOSTICS, NMI, PASSWORD, SPICE, UPTIME, HostAnswer, HostQuestion
from busway.domain.server import PowerState, ServerStatus
from busway.store import actions, hosts, questions
from busway.store.servers import ServerRow
from busway.wire.documents import decode

ANSWER_SECONDS = 10.0
MOST_WAITING, MOST_OF_PROJECT = 8, 4
_PLACES = threading.BoundedSemaphore(MOST_WAITING)
_WAITING: Counter[str] = Counter()  # by project: its guests may never answer, and others have some too
_GUARD = threading.Lock()
_MOST_CHARS = 1000  # characters of why it failed, some of them the guest's own
# Nova's (nova/compute/api.py, `trigger_crash_dump`).
_MAY_CRASH = frozenset(
    {
        ServerStatus.ACTIVE,
        ServerStatus.PAUSED,
        ServerStatus.RESCUE,
        ServerStatus.VERIFY_RESIZE,
        ServerStatus.ERROR,
    }
)
_LOOK_SECONDS = 0.5  # for an answer that another process has rung for and that was not heard


@dataclass(frozen=True, slots=True)
class GuestSeen:
    """One look at a guest that runs: its server, how its host runs guests ("kvm" or "qemu"), and what is counted."""

    server: ServerRow
    virt_type: str
    diagnostics: Diagnostics


def ask_diagnostics(control: Control, caller: Caller, server_id: str) -> GuestSeen:
    """How a guest does at this moment.

    Raises `Conflict` for one that does not run or that its hypervisor refuses, `Unavailable` when its host does not answer.
    """
    with control.db.read() as tx:
        row = server_row(tx, caller, server_id, "diagnostics")
        host_id = _running_on(row)
        host = hosts.find_host_by_id(tx, host_id)
    answer = _ask(control, row.project_id, host_id, HostQuestion(control.new_id(), row.id, DIAGNOSTICS))
    if answer.diagnostics is None:
        raise Unavailable(f"The host of server {row.id} does not tell how it does", code="host-silent")
    virt_type = host.resources.virt_type if host is not None and host.resources is not None else ""
    return GuestSeen(row, virt_type, answer.diagnostics)


def ask_spice(control: Control, row: ServerRow) -> SpiceEnds:
    """Where the SPICE screen of a guest is reached at this moment.

    Raises `Conflict` for a guest that does not run or has none, `Unavailable` when its host does not answer.
    """
    answer = _ask(control, row.project_id, _running_on(row), HostQuestion(control.new_id(), row.id, SPICE))
    if answer.spice is None:
        raise Unavailable(f"The host of server {row.id} does not tell where its screen is", code="host-silent")
    return answer.spice


def set_guest_password(control: Control, caller: Caller, server_id: str, password: str, request_id: str) -> None:
    """Has the agent in a guest set its administrator's password.

    Raises `Conflict` for a guest that does not run, has no agent's channel or whose agent refuses.
    """
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, "changePassword")
        words = server_words(tx, row)
        if not machine_of(row.flavor, words).guest_agent:
            raise Conflict(
                f"The password of server {row.id} can't be changed: its guest has no channel for an agent",
                detail="Its image does not say that qemu-guest-agent is in it.",
                remedy="Boot servers from an image with qemu-guest-agent and the property hw_qemu_guest_agent=yes. For this "
                "one, log in with its key pair and change the password there.",
                code="no-guest-agent",
            )
        host_id = _running_on(row)
        note_action(tx, caller, row.id, "changePassword", request_id, control.now())
    question = HostQuestion(control.new_id(), row.id, PASSWORD, _administrator(words))
    with _failing(control, row.id, "changePassword"):
        _ask(control, row.project_id, host_id, question, password)


def trigger_crash_dump(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Has a guest get a non-maskable interrupt, at which its system writes a crash dump if it is set up to.

    Raises `Conflict` for a guest that is off or in another status than Nova's, `Unavailable` when its host does not answer.
    """
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "trigger_crash_dump", _MAY_CRASH)
        if row.host_id is None or row.power not in (PowerState.RUNNING, PowerState.PAUSED):
            raise _does_not_run(row)
        note_action(tx, caller, row.id, "trigger_crash_dump", request_id, control.now())
    with _failing(control, row.id, "trigger_crash_dump"):
        _ask(control, row.project_id, row.host_id, HostQuestion(control.new_id(), row.id, NMI))


def ask_uptime(control: Control, caller: Caller, host_id: HostId) -> str | None:
    """How long a host is up, with its users and load, as its program `uptime` says; None where the host does not tell."""
    try:
        return _ask(control, caller.project_id, host_id, HostQuestion(control.new_id(), ServerId(""), UPTIME)).uptime
    except (Conflict, Unavailable):
        return None


@contextmanager
def _failing(control: Control, server_id: ServerId, action: str) -> Iterator[None]:
    """An action whose host refuses or does not answer has failed, with the reason."""
    try:
        yield
    except BuswayError as error:
        with control.db.write(aside=True) as tx:
            actions.fail_action(tx, server_id, action, str(error)[:_MOST_CHARS], control.now())
        raise


def _administrator(words: Mapping[str, str]) -> str:
    """Nova's choice: the image's os_admin_user, else what its system calls it."""
    usual = "Administrator" if words.get("os_type", "").lower() == "windows" else "root"
    return words.get("os_admin_user") or usual


def list_questions(control: Control, host_id: HostId) -> tuple[HostQuestion, ...]:
    """What is asked of a host right now; for that host alone, since secrets are as they are."""
    with control.db.read() as tx:
        found = questions.list_open(tx, host_id, control.now() - timedelta(seconds=ANSWER_SECONDS))
    return tuple(replace(each, secret=_unsealed(control, each)) if each.secret else each for each in found)


def _unsealed(control: Control, question: HostQuestion) -> str:
    try:
        return sealer(control).unseal(question.secret, question.id)
    except ValueError as error:
        raise other_key(str(error)) from error


def count_questions(control: Control, host_ids: Collection[HostId]) -> dict[HostId, int]:
    """How many questions wait for each of some hosts; hosts without any are left out."""
    with control.db.read() as tx:
        counts = questions.count_open(tx, control.now() - timedelta(seconds=ANSWER_SECONDS))
    return {host_id: count for host_id, count in counts.items() if host_id in host_ids}


def answer_question(control: Control, host_id: HostId, question_id: str, answer: str) -> None:
    """Takes a host's answer; raises `NotFound` where nobody waits for it any more."""
    with control.db.write() as tx:
        if not questions.put_answer(tx, host_id, question_id, answer):
            raise NotFound("Nobody waits for this answer any more", code="question-over")
    control.bell.ring(_answered(question_id))


def _ask(control: Control, project_id: str, host_id: HostId, wanted: HostQuestion, secret: str = "") -> HostAnswer:
    """Waits in one of a few places: hosts that do not answer never hold the threads of all requests."""
    with _place(project_id):
        return _ask_host(control, host_id, wanted, secret)


@contextmanager
def _place(project_id: str) -> Iterator[None]:
    with _GUARD:
        if _WAITING[project_id] >= MOST_OF_PROJECT or not _PLACES.acquire(blocking=False):
            raise Unavailable(
                f"{_WAITING[project_id]} requests about servers of this project wait for answers of hosts already",
                detail=f"In one process at most {MOST_WAITING} wait, {MOST_OF_PROJECT} of them for one project.",
                remedy="Try again in a few seconds.",
                code="questions-busy",
            )
        _WAITING[project_id] += 1
    try:
        yield
    finally:
        with _GUARD:
            _PLACES.release()
            _WAITING[project_id] -= 1
            if not _WAITING[project_id]:
                del _WAITING[project_id]


def _ask_host(control: Control, host_id: HostId, wanted: HostQuestion, secret: str) -> HostAnswer:
    now = control.now()
    question = replace(wanted, secret=sealer(control).seal(secret, wanted.id)) if secret else wanted
    with control.db.write(aside=True) as tx:
        questions.add_question(tx, host_id, question, now, now - timedelta(seconds=6 * ANSWER_SECONDS))
    try:
        control.bell.ring(topic(host_id))
        text = _wait(control, question.id)
    finally:
        with control.db.write(aside=True) as tx:
            questions.end_question(tx, question.id)
    answer = decode(text.encode(), HostAnswer)
    if answer.fault is not None:
        fault = answer.fault
        raise Conflict(fault.brief, detail=fault.detail, remedy=fault.remedy, code=fault.code)
    return answer


def _wait(control: Control, question_id: str) -> str:
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        seen = control.bell.count(_answered(question_id))
        with control.db.read() as tx:
            text = questions.find_answer(tx, question_id)
        if text is not None:
            return text
        left = deadline - time.monotonic()
        if left <= 0:
            raise Unavailable(
                "The host does not answer",
                detail=f"Its agent said nothing for {ANSWER_SECONDS:g} seconds, or is older than this question.",
                remedy="Look at the host: busway host show HOST. Then try again.",
                code="host-silent",
            )
        control.bell.wait(_answered(question_id), seen, min(left, _LOOK_SECONDS))


def _answered(question_id: str) -> str:
    return f"answer:{question_id}"


def _running_on(row: ServerRow) -> HostId:
    if row.host_id is None or row.power is not PowerState.RUNNING:
        raise _does_not_run(row)
    return row.host_id


def _does_not_run(row: ServerRow) -> Conflict:
    return Conflict(
        f"Server {row.id} does not run",
        detail=f"It is {row.status}; its host is asked about guests that run.",
        remedy="Start it first.",
        code="server-state",
    )
