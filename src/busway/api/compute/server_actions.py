"""Actions on servers by their names: those that Busway does, and a refusal by name for every other one of Nova's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from busway.api.answer import TEXT, choice, parts, wrap
from busway.api.call import ACCEPTED, Call, Reply
from busway.api.compute import (
    os_floating_ips,
    remote_consoles,
    server_admin,
    server_fixed_ips,
    server_moves,
    server_rebuilds,
    server_rescue,
)
from busway.api.compute.action import Action
from busway.api.operation import OTHERWISE, Operation
from busway.api.schema import Schema, as_int
from busway.control.context import Control
from busway.control.servers import hold
from busway.control.servers import power as server_power
from busway.control.servers.read import console_output, get_server
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, NotSupported

ROOT = "/compute/v2.1/servers/{id}/action"

# An act that Busway does not do, and what comes nearest to it.
_INSTEAD = {
    "resetNetwork": "Ask an admin to have its networks set again: the action injectNetworkInfo.",
}


def _reboot(call: Call, given: Any) -> Reply:
    kind = str(given.get("type", "")).upper() if isinstance(given, Mapping) else ""
    if kind not in ("HARD", "SOFT"):
        raise BadInput("Argument 'type' for reboot must be HARD or SOFT", code="reboot-type")
    server_power.reboot_server(call.control, call.caller, call.path["id"], call.request_id, hard=kind == "HARD")
    return ACCEPTED


def _plain(act: Callable[[Control, Caller, str, str], None]) -> Callable[[Call, Any], Reply]:
    """An action without arguments."""

    def run(call: Call, _given: Any) -> Reply:
        act(call.control, call.caller, call.path["id"], call.request_id)
        return ACCEPTED

    return run


def _console(call: Call, given: Any) -> Reply:
    asked = given.get("length") if isinstance(given, Mapping) else None
    length = None if asked is None else as_int(asked, "length", least=-1)
    return Reply({"output": console_output(call.control, call.caller, call.path["id"], length)})


_ACTIONS: Mapping[str, Action] = {
    "os-start": Action(_plain(server_power.start_server), "os_compute_api:servers:start"),
    "os-stop": Action(_plain(server_power.stop_server), "os_compute_api:servers:stop"),
    "reboot": Action(_reboot, "os_compute_api:servers:reboot"),
    "pause": Action(_plain(hold.pause_server), "os_compute_api:os-pause-server:pause"),
    "unpause": Action(_plain(hold.unpause_server), "os_compute_api:os-pause-server:unpause"),
    "suspend": Action(_plain(hold.suspend_server), "os_compute_api:os-suspend-server:suspend"),
    "resume": Action(_plain(hold.resume_server), "os_compute_api:os-suspend-server:resume"),
    "os-getConsoleOutput": Action(_console, "os_compute_api:os-console-output", answer=wrap("output", TEXT)),
    **server_rebuilds.ACTIONS,
    **server_moves.ACTIONS,
    **remote_consoles.ACTIONS,
    **server_admin.ACTIONS,
    **server_rescue.ACTIONS,
    **os_floating_ips.ACTIONS,
    **server_fixed_ips.ACTIONS,
}
# An act that Busway does not do is refused to who may not even see the server.
_RULES = {name: action.rule for name, action in _ACTIONS.items()} | {OTHERWISE: "os_compute_api:servers:show"}


def _act(call: Call) -> Reply:
    if not isinstance(call.body, dict) or len(call.body) != 1:
        raise BadInput("The body must have exactly one action", code="invalid-body")
    ((name, given),) = call.body.items()
    if name in _ACTIONS and call.version >= _ACTIONS[name].since:
        action = _ACTIONS[name]
        action.schema(name, call.version).check(call.body)
        return action.run(call, given)
    get_server(call.control, call.caller, call.path["id"])
    if name in _INSTEAD:
        raise NotSupported(
            f"Busway does not do '{name}'",
            detail=f"It does {', '.join(_ACTIONS)}, and deleting.",
            remedy=_INSTEAD[name],
            code="action-not-supported",
        )
    raise BadInput(f"There is no action {name}", code="no-such-action")


def _shown() -> dict[int, Schema]:
    """The schemas of all actions as one, from each microversion at which one of them changes."""
    changes = sorted({since for action in _ACTIONS.values() for since in action.bodies})
    return {
        since: Schema(
            {
                "anyOf": [
                    action.schema(name, since).definition for name, action in _ACTIONS.items() if since >= action.since
                ]
            }
        )
        for since in changes
    }


_ANSWER = choice(*(part for action in _ACTIONS.values() for part in parts(action.answer)))

OPERATIONS = (Operation("POST", ROOT, _act, reads_body=True, shown_body=_shown(), rule=_RULES, answer=_ANSWER),)
