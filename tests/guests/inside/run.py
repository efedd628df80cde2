"""Guests of many kinds on one host with libvirt and QEMU of its own. Run as `python -m tests.guests.inside.run FOLDER STORY ...`.

It must be in a network, mount and process namespace of its own: whatever it starts ends with it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.guests.inside import cloud_image, dedicated, machines
from tests.live.inside.cloud import LiveCloud

HOST = "h1"


def main() -> None:
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    cloud = LiveCloud(folder)
    mount_huge_pages()
    try:
        cloud.start_control()
        cloud.prepare()
        cloud.add_host(HOST)
        cloud.start_agent(HOST)
        cloud.wait_for_host(HOST)
        for name in names:
            began = time.monotonic()
            STORIES[name](cloud)
            print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)
    except BaseException:
        logs = [
            *folder.glob("*.log"),
            *folder.glob("h1/state/servers/*/console.log"),
            *folder.glob("h1/var/log/libvirt/qemu/*.log"),
        ]
        for log in sorted(logs):
            print(f"== {log.name}", log.read_text(errors="replace")[-6000:], sep="\n")
        raise
    finally:
        cloud.down()
    print("all is well")


def mount_huge_pages() -> None:
    """libvirt looks for them when it starts; this machine's own mounts are left alone."""
    place = Path("/dev/hugepages")
    place.mkdir(exist_ok=True)
    if not place.is_mount():
        subprocess.run(["mount", "-t", "hugetlbfs", "hugetlbfs", str(place)], check=True, timeout=20)


STORIES: dict[str, Callable[[LiveCloud], None]] = {**machines.STORIES, **dedicated.STORIES, **cloud_image.STORIES}

if __name__ == "__main__":
    main()
