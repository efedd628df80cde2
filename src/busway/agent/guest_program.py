"""Runs one program in a guest by its qemu-guest-agent, with a deadline; whatever the guest says is bounded and may be a lie."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from busway.domain.errors import HostError
from busway.domain.ids import ServerId

# Hands a command, as JSON, to the agent in a server's guest, and returns its answer; waits for so many seconds at most.
AskGuest = Callable[[ServerId, str, int], str]
MOST_OUTPUT = 65_536  # bytes of what the program prints
_MOST_ANSWER = 2 * MOST_OUTPUT
_POLL = 0.2


def run_in_guest(
    ask: AskGuest,
    server_id: ServerId,
    program: Sequence[str],
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> str:
    """What a program prints in a guest; raises `HostError` for one that fails, takes too long or prints too much.

    Source: qemu/qga/qapi-schema.json, guest-exec and guest-exec-status.
    """
    deadline = clock() + seconds
    path, *arguments = program
    wanted = {"path": path, "arg": arguments, "capture-output": True}
    pid = _ask(ask, server_id, "guest-exec", wanted, deadline - clock()).get("pid")
    if not isinstance(pid, int):
        raise _bad("It tells no process.")
    while True:
        status = _ask(ask, server_id, "guest-exec-status", {"pid": pid}, deadline - clock())
        if status.get("exited") is True:
            return _output(status, path)
        if clock() + _POLL >= deadline:
            raise _bad(f"{path} has not ended in {seconds:g} seconds.")
        sleep(_POLL)


def set_password(ask: AskGuest, server_id: ServerId, user: str, password: str, seconds: float) -> None:
    """Sets the password of a user in a guest; raises `HostError` with what its agent says, which never repeats the password.

    Source: qemu/qga/qapi-schema.json, guest-set-user-password.
    """
    wanted = {"username": user, "password": base64.b64encode(password.encode()).decode(), "crypted": False}
    _ask(ask, server_id, "guest-set-user-password", wanted, seconds)


def _ask(ask: AskGuest, server_id: ServerId, command: str, arguments: dict[str, Any], left: float) -> dict[str, Any]:
    if left <= 0:
        raise _bad("It takes too long.")
    text = ask(server_id, json.dumps({"execute": command, "arguments": arguments}), max(int(left), 1))
    if len(text) > _MOST_ANSWER:
        raise _bad(f"It answered {command} with {len(text)} letters.")
    try:
        answer = json.loads(text)["return"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _bad(f"Its answer to {command} is none.") from error
    if not isinstance(answer, dict):
        raise _bad(f"Its answer to {command} is none.")
    return answer


def _output(status: dict[str, Any], path: str) -> str:
    if status.get("exitcode") != 0:
        raise _bad(f"{path} failed.")
    try:
        data = base64.b64decode(status.get("out-data", ""), validate=True)
    except (ValueError, TypeError, binascii.Error) as error:
        raise _bad(f"What {path} printed can't be read.") from error
    if len(data) > MOST_OUTPUT:
        raise _bad(f"{path} printed {len(data)} bytes.")
    return data.decode("utf-8", errors="replace")


def _bad(detail: str) -> HostError:
    return HostError(
        "The agent in a guest does not answer as expected",
        detail=detail,
        remedy="Check in the guest that qemu-guest-agent is running and may run programs (guest-exec).",
        code="guest-agent",
    )
