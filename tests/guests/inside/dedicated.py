"""Guests with CPUs of their own: what the kernel lets each thread of QEMU run on must be what the placement chose."""

from __future__ import annotations

from pathlib import Path

from tests.guests.inside.machines import boot, end, make_flavor
from tests.live.inside.cloud import LiveCloud, until
from tests.live.inside.run import prepare_image

_HOST = "h1"


def dedicated(cloud: LiveCloud) -> None:
    """On a host of two CPUs: one guest has both; then one has the second alone, and others run on the first."""
    _restart(cloud, "--cpu-dedicated-set", "0-1")
    prepare_image(cloud)
    image = cloud.image
    own = {"hw:cpu_policy": "dedicated"}
    make_flavor(cloud, "both", own, vcpus=2)
    make_flavor(cloud, "one", own)
    make_flavor(cloud, "shared")
    server_id = boot(cloud, "both", image)
    threads = _threads(server_id)
    assert (threads["CPU 0"], threads["CPU 1"]) == ("0", "1"), threads
    _refused(cloud, "one", image, "0 dedicated CPUs (0 whole cores)")
    _refused(cloud, "shared", image, "vCPUs: 1 wanted, 0 free")
    end(cloud, server_id)

    _restart(cloud, "--cpu-dedicated-set", "1", "--cpu-shared-set", "0")
    first = boot(cloud, "one", image)
    second = boot(cloud, "shared", image)
    assert set(_threads(first).values()) == {"1"}, _threads(first)
    assert set(_threads(second).values()) == {"0"}, _threads(second)
    end(cloud, first)
    end(cloud, second)


def parted(cloud: LiveCloud) -> None:
    """QEMU's own threads have a CPU alone; and a guest has one CPU of its own and shares another."""
    _restart(cloud, "--cpu-dedicated-set", "0-1")
    prepare_image(cloud)
    make_flavor(cloud, "alone", {"hw:cpu_policy": "dedicated", "hw:emulator_threads_policy": "isolate"})
    make_flavor(cloud, "mixed", {"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "^0"}, vcpus=2)
    server_id = boot(cloud, "alone", cloud.image)
    threads = _threads(server_id)
    assert threads.pop("CPU 0") == "0", threads
    assert set(threads.values()) == {"1"}, threads
    end(cloud, server_id)

    _restart(cloud, "--cpu-dedicated-set", "1", "--cpu-shared-set", "0")
    server_id = boot(cloud, "mixed", cloud.image)
    threads = _threads(server_id)
    assert (threads.pop("CPU 0"), threads.pop("CPU 1")) == ("0", "1"), threads
    assert set(threads.values()) == {"0-1"}, threads
    end(cloud, server_id)


def _restart(cloud: LiveCloud, *options: str) -> None:
    """Starts the agent with these sets, and waits until the control plane knows of them."""
    cloud.kill(f"agent {_HOST}")
    cloud.start_agent(_HOST, "", *options)
    wanted = 2 if options[1] == "0-1" else 1

    def told() -> bool:
        [host] = cloud.call("GET", "/busway/v1/hosts")["hosts"]
        return wanted == sum(len(core) for cell in host["resources"]["cells"] for core in cell["cores"])

    until("report of the dedicated CPUs", told)


def _refused(cloud: LiveCloud, flavor: str, image: str, why: str) -> None:
    server = {"name": flavor, "imageRef": image, "flavorRef": flavor, "networks": "none"}
    server_id = str(cloud.call("POST", "/compute/v2.1/servers", {"server": server})["server"]["id"])
    until("server that finds no place", lambda: cloud.server(server_id)["status"] == "ERROR")
    assert why in str(cloud.server(server_id)["fault"]), cloud.server(server_id)["fault"]
    cloud.delete(server_id)


def _threads(server_id: str) -> dict[str, str]:
    """The CPUs that each thread of a guest's QEMU may run on, by the thread's name; a vCPU's is `CPU 0`."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"uuid\0{server_id}" not in (process / "cmdline").read_text(errors="replace"):
                continue
            for task in (process / "task").iterdir():
                lines = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines() if ":" in line)
                name = lines["Name"].strip()
                found[name.partition("/")[0]] = lines["Cpus_allowed_list"].strip()
        except OSError:  # it has ended
            continue
    assert found, f"no QEMU of server {server_id}"
    return found


STORIES = {"dedicated": dedicated, "parted": parted}
