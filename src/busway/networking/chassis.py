"""Whether this host is a chassis of OVN: asked of Open vSwitch's database and switch and of ovn-controller, by their Unix sockets.

All speak JSON-RPC (RFC 7047; ovs-appctl(8) for switch and controller). Nothing is started or changed, so it can be asked often.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from busway.domain.guest_network import INTEGRATION_BRIDGE
from busway.domain.host_facts import Chassis

SWITCH = Path("run/openvswitch/db.sock")
SWITCHES = Path("run/openvswitch")
CONTROLLERS = Path("run/ovn")
_SECONDS = 1.0
_MOST_MAPPINGS = 64
_MOST = 1 << 20  # bytes of an answer
_NAME = re.compile(r"[A-Za-z0-9._:-]{1,255}")  # a comma separates the names of chassis in OVN's options
_NEEDED = ("ovn-remote", "ovn-encap-type", "ovn-encap-ip")


def read_chassis(root: Path) -> Chassis:
    """What the host under a root folder is for OVN, or the first thing that it lacks, in words."""
    try:
        switch, bridges = _switch(root / SWITCH)
    except (OSError, ValueError) as error:
        return Chassis(lacks=f"Open vSwitch does not answer at /{SWITCH} ({error})")
    if not _any_answers(root / SWITCHES, "ovs-vswitchd.*.ctl"):
        # Its database answers without it, and the bridges that it has made are still listed there.
        return Chassis(_named(switch), f"ovs-vswitchd does not answer under /{SWITCHES}")
    name = switch.get("system-id", "")
    if not _named(switch):
        what = "is not set" if not name else "has characters other than letters, digits and ._:-"
        return Chassis(lacks=f"external_ids:system-id of Open vSwitch {what}")
    # Since OVN 22.09 a host may have several chassis; a key with the chassis's name goes before the one without.
    unset = [key for key in _NEEDED if not (switch.get(f"{key}-{name}") or switch.get(key))]
    if unset:
        return Chassis(name, f"external_ids of Open vSwitch lack {', '.join(unset)}")
    if not _any_answers(root / CONTROLLERS, "ovn-controller.*.ctl"):
        return Chassis(name, f"ovn-controller does not answer under /{CONTROLLERS}")
    if INTEGRATION_BRIDGE not in bridges:
        return Chassis(name, f"ovn-controller has not made the bridge {INTEGRATION_BRIDGE}")
    return Chassis(name, physical=_physical(switch, name, bridges))


def _physical(switch: Mapping[str, str], name: str, bridges: Sequence[str]) -> tuple[str, ...]:
    """The physical networks whose bridge there is, of ovn-bridge-mappings: "physnet1:br-ex,physnet2:br-two"."""
    told = switch.get(f"ovn-bridge-mappings-{name}") or switch.get("ovn-bridge-mappings", "")
    pairs = (pair.strip().partition(":") for pair in told.split(","))
    return tuple(sorted({network for network, _, bridge in pairs if network and bridge in bridges}))[:_MOST_MAPPINGS]


def _switch(path: Path) -> tuple[Mapping[str, str], Sequence[str]]:
    """The external ids of Open vSwitch, and the names of its bridges."""
    ids = {"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["external_ids"]}
    bridges = {"op": "select", "table": "Bridge", "where": [], "columns": ["name"]}
    answer = _ask(path, "transact", ["Open_vSwitch", ids, bridges])
    try:
        [row] = answer[0]["rows"]
        return dict(row["external_ids"][1]), [str(each["name"]) for each in answer[1]["rows"]]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError("its answer is not of a database of Open vSwitch") from error


def _named(switch: Mapping[str, str]) -> str:
    name = switch.get("system-id", "")
    return name if _NAME.fullmatch(name) else ""


def _any_answers(folder: Path, pattern: str) -> bool:
    """True when a process is behind one of these control sockets: each process has a socket of its own number."""
    return any(_answers(path) for path in sorted(folder.glob(pattern)))


def _answers(path: Path) -> bool:
    """True when a process is behind a control socket; a killed one leaves its socket."""
    try:
        return isinstance(_ask(path, "version", []), str)
    except (OSError, ValueError):
        return False


def _ask(path: Path, method: str, params: Sequence[Any]) -> Any:
    """The result of one request; raises `OSError` or `ValueError`."""
    deadline = time.monotonic() + _SECONDS
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.settimeout(_SECONDS)
        asked.connect(str(path))
        asked.sendall(json.dumps({"method": method, "params": list(params), "id": 0}).encode())
        unread = b""
        while len(unread) < _MOST and time.monotonic() < deadline:
            part = asked.recv(65536)
            if not part:
                raise ValueError("it closed the connection")
            unread += part
            try:
                answer = json.loads(unread)
            except ValueError:
                continue  # not all of it yet
            if not isinstance(answer, dict) or answer.get("error") is not None:
                raise ValueError(f"it answers {str(answer)[:200]}")
            return answer.get("result")
    raise ValueError("no whole answer")
