"""A Debian cloud image as a user has it: key, address, root of the flavor's size, extra disks, user data, metadata, and ssh by name.

Its card is without port security: the kernel of the tests' machine may lack what security groups need, and the lab has it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from busway.bootstrap.demo import find_clients
from busway.bootstrap.guest_shell import ANY_HOST_KEY
from tests.guests.debian_image import build_debian_image, build_debian_tree
from tests.guests.inside import mirror
from tests.guests.inside.machines import ask_for, boot, console, end, expect, make_flavor
from tests.live.inside.cloud import HUB, LiveCloud, until

_HOST = "h1"
# Where each instruction is emulated the first boot of systemd and cloud-init takes minutes, and other work many times that.
_BOOT_SECONDS = 1200
_USER_DATA = """\
#cloud-config
write_files:
  - path: /run/written
    content: by cloud-init
runcmd:
  - [sh, -c, 'echo "user data ran as $(id -un)" > /run/proof']
"""
# Asked for in the guest: each line is a fact.
_QUESTIONS = """\
cloud-init status --wait | tail -1
grep -h WARNING /var/log/cloud-init.log | head -5
echo "datasource: $(cloud-init query cloud_name) $(cloud-init query ds.meta_data.uuid)"
echo "name: $(hostname)"
echo "root: $(df -m --output=size / | tail -1) MiB"
echo "ephemeral: $(findmnt -no SOURCE,FSTYPE /mnt) $(lsblk -no LABEL /dev/vdb)"
echo "swap: $(cat /proc/swaps | tail -1)"
cat /run/proof /run/written; echo
ip -4 -o address show scope global
python3 -c 'import urllib.request as u; print("metadata:", u.urlopen("http://169.254.169.254/openstack/latest/meta_data.json", timeout=30).read().decode())'
python3 -c 'import urllib.request as u; print("ec2:", u.urlopen("http://169.254.169.254/latest/meta-data/local-ipv4", timeout=30).read().decode())'
python3 -c 'import socket; print("dns:", socket.gethostbyname("stock.busway.internal"))'
sudo -n true && echo "sudo: without a password"
"""


def comes_up(cloud: LiveCloud) -> None:
    """A cloud image of Debian gets all that a guest is given, by BIOS, and `busway server ssh` and `nova ssh` get in."""
    key = make_key(cloud)
    image = make_debian(cloud)
    make_flavor(cloud, "stock", None, ram=768, disk=4, swap=64, **{"OS-FLV-EXT-DATA:ephemeral": 1})
    server_id, address = start(cloud, image, _USER_DATA.encode())
    began = time.monotonic()
    told = ssh(cloud, key, _QUESTIONS)
    print(f"  ssh after {time.monotonic() - began:.0f} s", flush=True)
    expect(
        told,
        "^status: done$",
        f"^datasource: configdrive {server_id}$",
        "^name: stock$",
        r"^root: +3[6-9]\d\d MiB$",
        r"^ephemeral: /dev/vdb +ext4 ephemeral0$",
        r"^swap: /dev/vdc +partition",
        "^user data ran as root$",
        "^by cloud-init$",
        rf" {address}/24 ",
        f'^metadata: .*"uuid": "{server_id}"',
        f"^ec2: {address}$",
        f"^dns: {address}$",
        "^sudo: without a password$",
    )
    assert by_nova(cloud, key, "hostname").splitlines()[-1] == "stock"
    end(cloud, server_id)


def make_key(cloud: LiveCloud) -> Path:
    key = cloud.folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=60)
    public = Path(f"{key}.pub").read_text()
    cloud.call("POST", "/compute/v2.1/os-keypairs", {"keypair": {"name": "mine", "public_key": public}})
    return key


def make_debian(cloud: LiveCloud, **properties: str) -> str:
    wish = {
        "name": "debian-12",
        "disk_format": "qcow2",
        "container_format": "bare",
        "os_distro": "debian",
        **properties,
    }
    image = str(cloud.call("POST", "/image/v2/images", wish)["id"])
    cloud.upload(image, build_debian_image().read_bytes())
    return image


def start(cloud: LiveCloud, image: str, user_data: bytes, *, waits: bool = True) -> tuple[str, str]:
    """A server on the network `private`; answers its id and its address."""
    [network] = cloud.call("GET", "/network/v2.0/networks?name=private")["networks"]
    wish = {"network_id": network["id"], "port_security_enabled": False, "security_groups": []}
    port = cloud.call("POST", "/network/v2.0/ports", {"port": wish})["port"]
    make = boot if waits else ask_for
    server_id = make(cloud, "stock", image, user_data, networks=[{"port": port["id"]}], key_name="mine")
    [address] = [each["ip_address"] for each in port["fixed_ips"] if ":" not in each["ip_address"]]
    return server_id, address


def ssh(cloud: LiveCloud, key: Path, command: str) -> str:
    """What a command printed in the server, by `busway server ssh`, run on its host."""
    words = [sys.executable, "-m", "busway", "server", "ssh", "stock", "--wait", "--timeout", str(_BOOT_SECONDS)]
    words += ["--identity", str(key), "--clouds", str(cloud.folder / "control/clouds.yaml"), "--", command]
    return _on_host(cloud, words, {"HOME": str(cloud.folder)})


def by_nova(cloud: LiveCloud, key: Path, command: str) -> str:
    """The same by the stock client."""
    options = " ".join([*ANY_HOST_KEY, command])
    words = [
        str(find_clients() / "nova"),
        "ssh",
        "--address-type",
        "fixed",
        "--network",
        "private",
        "--login",
        "debian",
    ]
    return _on_host(cloud, [*words, "-i", str(key), "--extra-opts", options, "stock"], _auth(cloud))


def _auth(cloud: LiveCloud) -> dict[str, str]:
    text = (cloud.folder / "control/openrc").read_text()
    pairs = [line.removeprefix("export ").partition("=") for line in text.splitlines() if line.startswith("export ")]
    return {name: value.strip("'\"") for name, _, value in pairs}


def _on_host(cloud: LiveCloud, words: list[str], environment: dict[str, str]) -> str:
    enter = ["nsenter", "-t", str(cloud.processes[f"host {_HOST}"].pid), "-m", "-n"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    done = subprocess.run(
        [*enter, *words], capture_output=True, text=True, timeout=_BOOT_SECONDS + 120, env={**clean, **environment}
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}\n{console(cloud, _only(cloud))[-6000:]}"
    return done.stdout


def _only(cloud: LiveCloud) -> str:
    return next((server for server, each in cloud.servers().items() if each["name"] == "stock"), "")


def installs_a_driver(cloud: LiveCloud) -> None:
    """cloud-init runs a driver's recipe out of the vendor data, from an archive on the network; no GPU is there, and the console says so.

    A request for a driver asks for a GPU too, which this machine has not: so the word is put into the server's row, while its host
    waits for its agent.
    """
    key = make_key(cloud)
    archive = cloud.folder / "archive"
    archive.mkdir()
    release = next((build_debian_tree() / "lib/modules").iterdir()).name
    for name, needs in (
        (f"linux-headers-{release}", ""),
        ("nvidia-dkms-570-server-open", ""),
        ("nvidia-headless-570-server-open", "nvidia-dkms-570-server-open"),
    ):
        mirror.make_package(archive, name, needs)
    mirror.make_package(archive, "nvidia-utils-570-server", files={"usr/bin/nvidia-smi": "#!/bin/sh\nexit 9\n"})
    source = f"deb [trusted=yes] http://{HUB}:{mirror.serve(archive, HUB)} ./"
    image = make_debian(cloud)
    make_flavor(cloud, "stock", ram=768, disk=4)
    cloud.kill(f"agent {_HOST}")
    user_data = _USER_DATA.replace("runcmd:", f"  - {{path: /etc/apt/sources.list, content: '{source}'}}\nruncmd:")
    server_id, _ = start(cloud, image, user_data.encode(), waits=False)
    until("server with a host", lambda: cloud.server(server_id)["OS-EXT-SRV-ATTR:host"] == _HOST)
    _ask_for_driver(cloud, server_id)
    cloud.start_agent(_HOST)
    told = ssh(
        cloud,
        key,
        "cloud-init status --wait | tail -1; dpkg -l 'nvidia*' | grep ^ii; cat /run/proof; tail -40 /var/log/cloud-init-output.log",
    )
    expect(
        told,
        "^ii +nvidia-headless-570-server-open ",
        "^ii +nvidia-utils-570-server ",
        "^user data ran as root$",
        "modprobe: FATAL: Module nvidia not found",
        "^status: error$",
    )
    expect(console(cloud, server_id), "busway: nvidia-open-570 is not ready, a command ended with 1")
    end(cloud, server_id)


def _ask_for_driver(cloud: LiveCloud, server_id: str) -> None:
    words = json.dumps({"busway:driver": "nvidia-open-570", "os_distro": "ubuntu"})
    with closing(sqlite3.connect(cloud.folder / "busway.db", timeout=30)) as db, db:
        done = db.execute(
            "UPDATE servers SET image_words = json_patch(image_words, ?) WHERE id = ?", (words, server_id)
        )
        assert done.rowcount == 1


STORIES = {"comes_up": comes_up, "installs_a_driver": installs_a_driver}
