"""What a guest asks of its network, typed into its shell."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.overlay.inside.shell import Shell

_LEASE = r"""#!/bin/sh
[ "$1" = bound ] || exit 0
env > /tmp/told
ip address add "$ip/$mask" dev "$interface"
ip link set "$interface" mtu "${mtu:-1500}"
set -- $staticroutes
while [ $# -ge 2 ]; do ip route add "$1" via "$2"; shift 2; done
"""
_METADATA = r"printf 'GET /openstack/latest/meta_data.json HTTP/1.0\r\n\r\n' | nc -w 20 169.254.169.254 80"


def lease(shell: Shell) -> dict[str, str]:
    """What DHCP tells the guest, which takes the address and the routes; {} for no answer."""
    script = base64.b64encode(_LEASE.encode()).decode()
    shell.run(f"[ -x /tmp/lease ] || (echo {script} | base64 -d > /tmp/lease; chmod +x /tmp/lease)")
    shell.run("rm -f /tmp/told; ip address flush dev eth0")
    shell.run("udhcpc -i eth0 -n -q -f -t 4 -T 2 -s /tmp/lease -O staticroutes -O mtu", 120)
    told = shell.run("cat /tmp/told 2>/dev/null")
    return dict(line.split("=", 1) for line in told.splitlines() if "=" in line)


def hears_ssh(shell: Shell, address: str) -> bool:
    """True when an ssh server there says its name."""
    return shell.run(f"nc -w 4 {address} 22 < /dev/null 2>/dev/null | head -c 8") == "SSH-2.0-"


def metadata(shell: Shell) -> dict[str, Any]:
    """The guest's own document, by the metadata service; {} for none."""
    read = shell.run(_METADATA)
    found: dict[str, Any] = json.loads(read[read.index("{") :]) if "{" in read else {}
    return found
