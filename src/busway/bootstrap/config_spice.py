"""`[spice]`: whether links to SPICE consoles are given out, and where they lead.

What Nova's other options say of a guest's screen is a matter of each host here. Where SPICE is on they are errors, so that nobody
believes that a screen listens elsewhere, or only by TLS, because a file says so that no host reads.
"""

from __future__ import annotations

from typing import Any

from busway.bootstrap.config_language import Fault
from busway.bootstrap.config_source import Source
from busway.bootstrap.options import SPICE
from busway.domain.errors import InvalidConfig

_OF_AGENTS = {
    "server_listen": "--spice-listen",
    "server_proxyclient_address": "--spice-address",
    "require_secure": "--spice-tls",
}
_NO_PAGE = "Remove the line: there is no page that speaks SPICE, and links of type spice-html5 are refused."
_NOT_HERE = {
    **dict.fromkeys(("html5proxy_base_url", "html5proxy_host", "html5proxy_port"), _NO_PAGE),
    "agent_enabled": "Remove the line: a guest that has a SPICE screen always has the channel of SPICE's agent.",
}


def spice_faults(source: Source, values: dict[str, Any]) -> list[Fault]:
    """The options of `[spice]` that say something which nothing here would do."""
    if not values.get("enabled"):
        return []
    known = {option.dest for option in SPICE}
    return [
        _fault(entry.line, entry.key) for entry in source.entries if entry.section == "spice" and entry.key not in known
    ]


def _fault(line: int, key: str) -> Fault:
    option = _OF_AGENTS.get(key)
    remedy = f"Give it to the agents of the hosts, busway agent {option}, and remove the line." if option else ""
    error = InvalidConfig(
        f"[spice] {key} means nothing to a control plane",
        detail="The screens of guests are made by the agents of their hosts.",
        remedy=remedy or _NOT_HERE.get(key, "Remove the line: QEMU's own choice holds."),
        code="spice-option",
    )
    return Fault(line, f"[spice] {key}", error)


def spice_proxy(values: dict[str, Any]) -> str:
    """What links to SPICE consoles lead to; "" where they are not given out."""
    return str(values["spice_direct_proxy_base_url"]) if values["enabled"] else ""
