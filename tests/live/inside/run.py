"""Live migrations between two hosts with libvirt and QEMU of their own. Run as `python -m tests.live.inside.run FOLDER STORY ...`.

It must be in a network, mount and process namespace of its own: whatever it starts ends with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from busway.pki.ephemeral import ephemeral_client
from tests.live.inside import guest
from tests.live.inside.cloud import LiveCloud, until

PORT = 16514


def main() -> None:
    with two_hosts(Path(sys.argv[1]), LiveCloud.prepare) as cloud:
        prepare_image(cloud)
        for name in sys.argv[2:]:
            began = time.monotonic()
            STORIES[name](cloud)
            print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)


@contextlib.contextmanager
def two_hosts(folder: Path, prepare: Callable[[LiveCloud], object], *, cpu_cgroup: bool = False) -> Iterator[LiveCloud]:
    """A cloud with the hosts h1 and h2, of which h1 may have the cgroup of CPUs; after a failure its logs are printed."""
    cloud = LiveCloud(folder)
    try:
        cloud.start_control()
        prepare(cloud)
        for name in ("h1", "h2"):
            cloud.add_host(name, cpu_cgroup=cpu_cgroup and name == "h1")
            start_agent(cloud, name)
        for name in ("h1", "h2"):
            cloud.wait_for_host(name)
        yield cloud
    except BaseException:
        for log in sorted(folder.glob("*.log")):
            print(f"== {log.name}", log.read_text(errors="replace")[-6000:], sep="\n")
        raise
    finally:
        cloud.down()
    print("all is well")


def start_agent(cloud: LiveCloud, name: str, crash_at: str = "") -> None:
    cloud.start_agent(name, crash_at, "--live-listen", f"{cloud.address(name)}:{PORT}")


def prepare_image(cloud: LiveCloud) -> None:
    """The guest's image, and the smallest flavor."""
    path = cloud.folder / "guest.img"
    guest.image(path)
    made = cloud.call("POST", "/image/v2/images", {"name": "one", "disk_format": "raw", "container_format": "bare"})
    cloud.upload(made["id"], path.read_bytes())
    cloud.image = made["id"]
    flavor = {"name": "tiny", "ram": 64, "vcpus": 1, "disk": 1, "id": "tiny"}
    cloud.call("POST", "/compute/v2.1/flavors", {"flavor": flavor})


def boot(cloud: LiveCloud, host: str = "h1") -> str:
    """A guest that counts on a host."""
    wish = cloud.wish("counter")
    wish["server"] |= {"flavorRef": "tiny", "availability_zone": f"nova:{host}"}
    server_id = str(cloud.call("POST", "/compute/v2.1/servers", wish)["server"]["id"])
    until("server that runs", lambda: cloud.status(server_id) == "ACTIVE")
    until("count", lambda: len(cloud.counts(host, server_id)) > 5)
    return server_id


def migrate(cloud: LiveCloud, server_id: str) -> None:
    cloud.act(server_id, **{"os-migrateLive": {"host": None, "block_migration": "auto"}})


def settled(cloud: LiveCloud, server_id: str, seconds: float = 240.0) -> str:
    """The host that a server is on when nothing is under way any more."""
    until("end of the migration", lambda: cloud.status(server_id) != "MIGRATING", seconds)
    return cloud.host_of(server_id)


def check_alone(cloud: LiveCloud, server_id: str, host: str) -> None:
    """The guest runs on this host alone, goes on counting, and nothing of it is left on the other."""
    until("one guest", lambda: cloud.running_on(server_id) == [host])
    last = max(cloud.counts(host, server_id), default=0)
    try:
        until("guest that goes on", lambda: max(cloud.counts(host, server_id), default=0) > last, 60.0)
    except AssertionError:
        print(cloud.look_into(host, server_id), flush=True)
        raise
    [other] = [name for name in cloud.numbers if name != host]
    until("empty host", lambda: not (cloud.folder_of(other) / "state/servers" / server_id).exists())
    until("unknown domain", lambda: server_id[:8] not in cloud.virsh(other, "list", "--all", "--name").stdout)
    until(
        "no listener", lambda: not any(f":{PORT}" in each for name in cloud.numbers for each in cloud.listening(name))
    )


def goes_over(cloud: LiveCloud) -> None:
    """Memory, disk and clock go along, the pause is told, and it comes back by the same way."""
    server_id = boot(cloud)
    migrate(cloud, server_id)
    assert settled(cloud, server_id) == "h2"
    check_alone(cloud, server_id, "h2")
    before, after = cloud.counts("h1", server_id), cloud.counts("h2", server_id)
    assert not before, "its console is still on its source"
    assert after[0] > 5, f"it has begun anew: {after[:5]}"
    assert after == list(range(after[0], after[0] + len(after))), f"ticks are missing or doubled: {after}"
    assert abs(cloud.stored("h2", server_id) - after[-1]) < 60
    found = cloud.call("GET", f"/compute/v2.1/os-migrations?instance_uuid={server_id}")["migrations"]
    assert [(each["status"], each["migration_type"]) for each in found] == [("completed", "live-migration")]
    said = cloud.call("GET", f"/busway/v1/servers/{server_id}/why")["why"]["events"]
    print(*(f"  {each['reason']}" for each in said if "stood still" in each["reason"]), sep="\n", flush=True)
    migrate(cloud, server_id)
    assert settled(cloud, server_id) == "h1"
    check_alone(cloud, server_id, "h1")
    again = cloud.counts("h1", server_id)
    assert again[0] > after[0]
    paused_there_and_back(cloud, server_id)
    end(cloud, server_id)


def paused_there_and_back(cloud: LiveCloud, server_id: str) -> None:
    """A guest that is paused goes over twice in a row, and goes on when it is let."""
    cloud.act(server_id, pause=None)
    until("pause", lambda: cloud.status(server_id) == "PAUSED")
    for host in ("h2", "h1"):
        migrate(cloud, server_id)
        assert (settled(cloud, server_id), cloud.status(server_id)) == (host, "PAUSED")
        assert cloud.virsh(host, "domstate", f"busway-{server_id[:8]}").stdout.strip() == "paused"
    cloud.act(server_id, unpause=None)
    check_alone(cloud, server_id, "h1")


def refuses_strangers(cloud: LiveCloud) -> None:
    """Who does not know the secret gets no further than a closed connection, and the guest goes over all the same."""
    server_id = boot(cloud)
    cloud.kill("agent h1")
    migrate(cloud, server_id)
    place = (cloud.address("h2"), PORT)
    until("listener", lambda: f"{place[0]}:{place[1]}" in cloud.listening("h2"))
    [move] = cloud.call("GET", f"/compute/v2.1/os-migrations?instance_uuid={server_id}")["migrations"]
    for channel in ("control", "driver", "memory", "storage"):
        for secret in ("", "guessed"):
            assert answer_to(place, move=move["uuid"], secret=secret, channel=channel) == b""
    assert answer_to(place, move="other", secret="", channel="control") == b""
    with socket.create_connection(place, 10) as plain:  # no TLS at all
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        plain.settimeout(20)
        with contextlib.suppress(OSError):
            while plain.recv(4096):
                pass
    assert cloud.virsh("h2", "list", "--all", "--name").stdout.strip() == ""
    assert cloud.running_on(server_id) == ["h1"]
    start_agent(cloud, "h1")
    assert settled(cloud, server_id) == "h2"
    check_alone(cloud, server_id, "h2")
    end(cloud, server_id)


def answer_to(place: tuple[str, int], **hello: str) -> bytes:
    with socket.create_connection(place, 10) as connection:
        secure = ephemeral_client().wrap_socket(connection)
        secure.settimeout(20)
        secure.sendall(json.dumps(hello).encode() + b"\n")
        try:
            return secure.recv(4096)
        except OSError:
            return b""


def kill_and_look(cloud: LiveCloud, kill: Callable[[str], None], mend: Callable[[], None] = lambda: None) -> None:
    """Migrates a guest while `kill` ends something; there is one guest on one host then, which goes on from where it was."""
    server_id = boot(cloud)
    counted = max(cloud.counts("h1", server_id))
    migrate(cloud, server_id)
    kill(server_id)
    assert len(cloud.running_on(server_id)) <= 1, "it runs twice"
    mend()
    host = settled(cloud, server_id)
    check_alone(cloud, server_id, host)
    assert cloud.status(server_id) == "ACTIVE"
    assert cloud.counts(host, server_id)[-1] > counted
    assert 1 not in cloud.counts("h2", server_id), "it has begun anew"
    print("  it is on", host, flush=True)
    end(cloud, server_id)


def agents_die(cloud: LiveCloud) -> None:
    """Each agent, at the points that matter."""
    for name, point in (
        ("h1", "migrate:before-copy"),
        ("h1", "migrate:before-record"),
        ("h1", "migrate:after-record"),
        ("h2", "receive:prepared"),
        ("h2", "receive:before-go"),
    ):
        print(" ", name, point, flush=True)
        cloud.kill(f"agent {name}")
        start_agent(cloud, name, point)
        cloud.wait_for_host(name)

        def died(_server_id: str, name: str = name) -> None:
            until(f"death of {name}", lambda: cloud.is_dead(f"agent {name}"))
            cloud.kill(f"agent {name}")

        kill_and_look(cloud, died, lambda name=name: start_agent(cloud, name))  # type: ignore[misc]


def libvirts_die(cloud: LiveCloud) -> None:
    """Each libvirt, while it copies; it is started again by its host."""
    rounds = int(os.environ.get("BUSWAY_LIVE_ROUNDS", "1"))
    for name in ("h1", "h2"):
        for pause in (0.0, 0.7) if rounds == 1 else [random.uniform(0.0, 3.0) for _ in range(rounds)]:
            print(" ", name, f"{pause:.2f}", flush=True)

            def kill(server_id: str, name: str = name, pause: float = pause) -> None:
                domain = f"busway-{server_id[:8]}"
                until(
                    "copying", lambda: "Unbounded" in cloud.virsh("h1", "domjobinfo", domain).stdout or left(server_id)
                )
                time.sleep(pause)
                pid = (cloud.folder_of(name) / "libvirtd.pid").read_text().strip()
                os.kill(int(pid), signal.SIGKILL)

            def left(server_id: str) -> bool:
                return cloud.host_of(server_id) == "h2"

            kill_and_look(cloud, kill)


def end(cloud: LiveCloud, server_id: str) -> None:
    cloud.delete(server_id)
    until("end", lambda: cloud.status(server_id) == "gone")


STORIES: dict[str, Callable[[LiveCloud], None]] = {
    "goes_over": goes_over,
    "refuses_strangers": refuses_strangers,
    "agents_die": agents_die,
    "libvirts_die": libvirts_die,
}

if __name__ == "__main__":
    main()
