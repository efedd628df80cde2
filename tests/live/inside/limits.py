"""What libvirt and QEMU make of a flavor's limits. Run as `python -m tests.live.inside.limits FOLDER`, as `run` is.

The host h1 has the kernel's cgroup of CPUs, and h2 has not.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.live.inside.cloud import LiveCloud, until
from tests.live.inside.run import check_alone, end, migrate, prepare_image, settled, two_hosts

_DISK = {"quota:disk_read_iops_sec": "500", "quota:disk_write_bytes_sec": "10485760"}
_BURST = {**_DISK, "quota:disk_write_bytes_sec_max": "20971520"}
_CPU = {"quota:cpu_shares": "2000", "quota:cpu_quota": "50000"}
_SHARES = "/sys/fs/cgroup/cpu/machine"


def main() -> None:
    with two_hosts(Path(sys.argv[1]), LiveCloud.prepare, cpu_cgroup=True) as cloud:
        prepare_image(cloud)
        for number, specs in enumerate((_DISK, _BURST, _CPU)):
            flavor = {"name": f"limited{number}", "ram": 64, "vcpus": 1, "disk": 1, "id": f"limited{number}"}
            cloud.call("POST", "/compute/v2.1/flavors", {"flavor": flavor})
            cloud.call("POST", f"/compute/v2.1/flavors/limited{number}/os-extra_specs", {"extra_specs": specs})
        disks_keep_their_limits(cloud)
        if cloud.inside("h1", "test", "-e", "/sys/fs/cgroup/cpu/cpu.shares").returncode == 0:
            cpus_are_limited_where_the_host_can(cloud)
        else:
            print("this kernel has cgroups of version 2 alone: tests/lab/inside/test_limits.py limits CPUs by them")


def disks_keep_their_limits(cloud: LiveCloud) -> None:
    """QEMU has the limits after the start, a live migration and a resize, and the configuration drive has none."""
    server_id = boot(cloud, "limited0")
    check(limits_of(cloud, "h1", server_id), read_iops_sec=500, write_bytes_sec=10485760)
    drive = [
        disk for disk in domain(cloud, "h1", server_id).iterfind("devices/disk") if disk.find("readonly") is not None
    ]
    assert drive and all(disk.find("iotune") is None for disk in drive)
    migrate(cloud, server_id)
    assert settled(cloud, server_id) == "h2"
    check_alone(cloud, server_id, "h2")
    check(limits_of(cloud, "h2", server_id), read_iops_sec=500, write_bytes_sec=10485760)
    cloud.act(server_id, resize={"flavorRef": "limited1"})
    until("resize", lambda: cloud.status(server_id) == "VERIFY_RESIZE")
    cloud.act(server_id, confirmResize=None)
    host = cloud.host_of(server_id)
    until("guest that runs", lambda: cloud.running_on(server_id) == [host])
    found = limits_of(cloud, host, server_id)
    check(found, read_iops_sec=500, write_bytes_sec=10485760, write_bytes_sec_max=20971520)
    end(cloud, server_id)


def cpus_are_limited_where_the_host_can(cloud: LiveCloud) -> None:
    """The kernel has shares and quota; a host without the cgroup is refused with that reason."""
    server_id = boot(cloud, "limited2")
    assert cloud.host_of(server_id) == "h1"
    read = f"cd {_SHARES}/*{server_id[:8]}* && cat cpu.shares vcpu0/cpu.cfs_quota_us vcpu0/cpu.cfs_period_us"
    assert cloud.inside("h1", "sh", "-c", read).stdout.split() == ["2000", "50000", "100000"]
    answer = cloud.http.post(
        f"/compute/v2.1/servers/{server_id}/action", json={"migrate": {"host": None}}, headers=cloud.headers()
    )
    assert answer.status_code == 400
    assert "it has no cpu-limits" in answer.text
    end(cloud, server_id)
    cloud.inside("h1", "rmdir", _SHARES)


def check(found: dict[str, str], **wanted: int) -> None:
    """Each limit that is wanted, and no other."""
    assert found == {name: str(value) for name, value in wanted.items()}, found


def boot(cloud: LiveCloud, flavor: str) -> str:
    """A guest that counts on h1."""
    wish = cloud.wish("limited")
    wish["server"] |= {"flavorRef": flavor, "availability_zone": "nova:h1"}
    server_id = str(cloud.call("POST", "/compute/v2.1/servers", wish)["server"]["id"])
    until("server that runs", lambda: cloud.status(server_id) == "ACTIVE")
    until("count", lambda: len(cloud.counts("h1", server_id)) > 5)
    return server_id


def domain(cloud: LiveCloud, host: str, server_id: str) -> ET.Element:
    return ET.fromstring(cloud.virsh(host, "dumpxml", f"busway-{server_id[:8]}").stdout)


def limits_of(cloud: LiveCloud, host: str, server_id: str) -> dict[str, str]:
    """What QEMU itself says of the root disk, without what is not limited."""
    said = cloud.virsh(host, "blkdeviotune", f"busway-{server_id[:8]}", "vda", "--live").stdout
    pairs = (line.split(":") for line in said.splitlines() if ":" in line)
    values = {name.strip(): value.strip() for name, value in pairs}
    return {
        name: value for name, value in values.items() if value.isdigit() and int(value) and not name.endswith("_length")
    }


if __name__ == "__main__":
    main()
