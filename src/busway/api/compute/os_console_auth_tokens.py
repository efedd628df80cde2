"""What the token of a link to a SPICE console opens: for the operator's proxy, which connects to the host itself.

Links to other consoles lead to the control plane, and are nobody else's to open. Source: nova/api/openstack/compute/console_auth_tokens.py.
"""

from __future__ import annotations

from busway.api.answer import NUMBER, TEXT, Part, choice, nullable, shape, wrap
from busway.api.call import Call, Reply
from busway.api.operation import Operation
from busway.control.servers.spice import find_spice_console

_SINCE, _WITH_TLS = 31, 99


def _show(call: Call) -> Reply:
    server_id, ends = find_spice_console(call.control, call.path["token"])
    tls = {"tls_port": ends.tls_port} if call.version >= _WITH_TLS else {}
    shown = {"instance_uuid": server_id, "host": ends.host, "port": ends.port, **tls, "internal_access_path": None}
    return Reply({"console": shown})


_FIELDS = {"instance_uuid": TEXT, "host": TEXT, "port": nullable(NUMBER), "internal_access_path": nullable(TEXT)}
_OLD = wrap("console", shape(_FIELDS))
_NEW = wrap("console", shape({**_FIELDS, "tls_port": nullable(NUMBER)}))
OPERATIONS = (
    Operation(
        "GET",
        "/compute/v2.1/os-console-auth-tokens/{token}",
        _show,
        since=_SINCE,
        rule="os_compute_api:os-console-auth-tokens",
        answer=choice(Part(_OLD, until=_WITH_TLS - 1), Part(_NEW, since=_WITH_TLS)),
    ),
)
