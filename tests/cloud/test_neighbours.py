"""Needs the lab: guests of two projects on one bridge. What one forges does not reach the other; what is allowed does."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.cloud.clients import User
from tests.cloud.neighbours import Card, Heard, Tenant, is_listening, listening

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not os.environ.get("BUSWAY_SLOW_LAB"),
        reason="its ssh connection may be cut on a busy machine; `make test-slow` runs it",
    ),
]

FORGED_MAC, FORGED_ADDRESS, DNS = "52:54:00:66:66:66", "10.0.2.177", "10.0.2.3"
OPEN, SHUT = 5000, 5001
SAYS = "attack: "
# The user data of the attacker: its guest runs it as soon as it is up, and says on its console what it reached.
# Each datagram says what it is: it asks TFTP for a file of that name.
_ATTACK = """#!/bin/sh
own_mac=$(cat /sys/class/net/eth0/address)
say() {{ timeout 2 tftp -g -l /dev/null -r "$1." {address} $2 >/dev/null 2>&1; }}
say honest {open}
say forbidden-port {shut}
ip address add {forged_address}/32 dev eth0
ip route add {address}/32 dev eth0 src {forged_address}
say forged-address {open}
ip route del {address}/32 dev eth0
ip address add {dns}/32 dev eth0
arping -A -c 2 -I eth0 -s {dns} {dns} >/dev/null
ip address del {dns}/32 dev eth0
ip link set eth0 address {forged_mac}
arp -s {address} {mac}
say forged-mac {open}
ip link set eth0 address $own_mac
arp -d {address}
reach() {{ timeout 20 nc -w 15 $1 $2 </dev/null >/dev/null 2>&1 && echo "{says}reached $3" > /dev/console; }}
reach 10.0.2.2 {control} control-plane
reach {host} {loopback} host-loopback
reach 10.0.2.2 {elsewhere} elsewhere
echo "{says}done" > /dev/console
"""


@dataclass(frozen=True, slots=True)
class Attack:
    """What the attacker's guest said, and what went over both cards."""

    attacker: Card
    victim: Card
    said: list[str]
    heard: Heard


@pytest.fixture(scope="module")
def attack(user: User) -> Iterator[Attack]:
    """The victim first, for the attacker's user data names its address; who listens at the cards is there before the attacker is."""
    admin, rival = tenants(user)
    flavor = {"name": "m1.neighbour", "ram": 192, "disk": 1, "vcpus": 1}
    flavor_id = admin.ask("POST", "/compute/v2.1/flavors", {"flavor": flavor})["flavor"]["id"]
    [image] = admin.ask("GET", "/image/v2/images?name=new1")["images"]
    public = [{"op": "replace", "path": "/visibility", "value": "public"}]
    admin.ask("PATCH", f"/image/v2/images/{image['id']}", public, "application/openstack-images-v2.1-json-patch")
    rival.let_in("udp", OPEN)
    loopback = user.host.spawn(["busybox", "httpd", "-f", "-p", "127.0.0.1:8099", "-h", "/mnt/lab/log"], "loopback.log")
    servers: dict[str, Tenant] = {}
    try:
        target = rival.boot("victim", flavor_id, image["id"])
        servers[target] = rival
        user.wait_for("the victim to be up", lambda: rival.status(target) == "ACTIVE" and rival.ready(target))
        victim = rival.card(target)
        with server_elsewhere() as elsewhere:
            script = attack_script(victim, control=user.cloud.port, loopback=8099, elsewhere=elsewhere)
            source = admin.boot("attacker", flavor_id, image["id"], script)
            servers[source] = admin
            attacker = admin.card(source)
            with listening(user.host, attacker, victim) as heard:
                user.wait_for("the ear at the cards", lambda: is_listening(user.host))
                user.wait_for("the attack to end", lambda: f"{SAYS}done" in admin.console(source))
            # A prompt of the guest's init, which ends without a new line, may stand before it.
            said = re.findall(f"{SAYS}(.*?)\r?\n", admin.console(source))
        print(said, heard)
        yield Attack(attacker, victim, said, heard)
    finally:
        user.host.kill(loopback)
        for server, tenant in servers.items():
            tenant.ask("DELETE", f"/compute/v2.1/servers/{server}")
        user.wait_for("both to be gone", lambda: not {"attacker", "victim"} & set(user.statuses()))
        admin.close()
        rival.close()


def tenants(user: User) -> tuple[Tenant, Tenant]:
    """The cloud's admin, and a member of another project."""
    known = user.cloud.client_environment()
    url = user.cloud.url
    admin = Tenant(url, known["OS_USERNAME"], known["OS_PASSWORD"], known["OS_PROJECT_NAME"])
    project = admin.ask("POST", "/identity/v3/projects", {"project": {"name": "rival"}})["project"]["id"]
    made = {"name": "rival", "password": "a rival's password"}
    person = admin.ask("POST", "/identity/v3/users", {"user": made})["user"]["id"]
    [role] = admin.ask("GET", "/identity/v3/roles?name=member")["roles"]
    admin.ask("PUT", f"/identity/v3/projects/{project}/users/{person}/roles/{role['id']}")
    return admin, Tenant(url, made["name"], made["password"], "rival")


@contextmanager
def server_elsewhere() -> Iterator[int]:
    """A server on the machine around the lab, whose loopback is what lies beyond the host here."""
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def attack_script(victim: Card, *, control: int, loopback: int, elsewhere: int) -> str:
    """The attacker's user data."""
    return _ATTACK.format(
        address=victim.address, mac=victim.mac, open=OPEN, shut=SHUT, dns=DNS, forged_address=FORGED_ADDRESS,
        forged_mac=FORGED_MAC, control=control, loopback=loopback, host="10.0.2.15", elsewhere=elsewhere, says=SAYS,
    )  # fmt: skip


def test_what_a_rule_allows_arrives(attack: Attack) -> None:
    assert attack.heard.arrived(attack.victim, b"honest.")


@pytest.mark.parametrize("what", [b"forbidden-port.", b"forged-address.", b"forged-mac."])
def test_what_is_forged_or_forbidden_is_sent_and_does_not_arrive(attack: Attack, what: bytes) -> None:
    assert attack.heard.sent(attack.attacker, what)
    assert not attack.heard.arrived(attack.victim, what)


def test_arp_that_claims_anothers_address_is_sent_and_does_not_arrive(attack: Attack) -> None:
    claim = bytes.fromhex(attack.attacker.mac.replace(":", "")) + socket.inet_aton(DNS)

    assert attack.heard.sent(attack.attacker, claim)
    assert not attack.heard.arrived(attack.victim, claim)


def test_a_guest_reaches_what_is_beyond_its_host_but_neither_the_control_plane_nor_the_hosts_loopback(
    attack: Attack,
) -> None:
    assert attack.said == ["reached elsewhere", "done"]


def test_each_guests_qemu_is_in_its_seccomp_sandbox(user: User, attack: Attack) -> None:
    each = 'for pid in $(pgrep -f "qemu-system.*guest[=]"); do grep "^Seccomp:" /proc/$pid/status; done'

    modes = user.host.exec(["sh", "-c", each]).text().split()

    assert modes == ["Seccomp:", "2"] * 2, "2 is a filter of system calls"
