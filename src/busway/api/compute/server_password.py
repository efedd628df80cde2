"""`os-server-password`: what a guest has posted of the password that it made for itself.

Source: nova/api/metadata/password.py. The guest encrypts it for its user's key, so that nobody on the way reads it.
"""

from __future__ import annotations

from busway.api.answer import TEXT, wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.operation import Operation
from busway.control.servers import password

_ROOT = "/compute/v2.1/servers/{id}/os-server-password"
_API = "os_compute_api:os-server-password:"


def _show(call: Call) -> Reply:
    return Reply({"password": password.show_password(call.control, call.caller, call.path["id"])})


def _clear(call: Call) -> Reply:
    password.clear_password(call.control, call.caller, call.path["id"])
    return NO_CONTENT


OPERATIONS = (
    Operation("GET", _ROOT, _show, rule=f"{_API}show", answer=wrap("password", TEXT)),
    Operation("DELETE", _ROOT, _clear, rule=f"{_API}clear"),
)
