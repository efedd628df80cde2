"""A guest of the lab made by hand: configuration drive, domain XML, SSH."""

from __future__ import annotations

import io
import json
import subprocess
import time
from pathlib import Path

import pycdlib

from busway.lab import LabHost

MAC, ADDRESS = "52:54:00:aa:00:01", "10.0.2.100"
CONSOLE = "/var/log/libvirt/hand-made.console"
DISK, DRIVE = "/var/lib/busway/hand-made.qcow2", "/var/lib/busway/hand-made.iso"


def configuration_drive(public_key: str, user_data: bytes) -> bytes:
    network = {
        "links": [{"id": "link0", "type": "phy", "ethernet_mac_address": MAC}],
        "networks": [
            {
                "id": "network0",
                "type": "ipv4",
                "link": "link0",
                "ip_address": ADDRESS,
                "netmask": "255.255.255.0",
                "routes": [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.2.2"}],
            }
        ],
        "services": [{"type": "dns", "address": "10.0.2.3"}],
    }
    meta = {"hostname": "hand-made", "public_keys": {"mine": public_key}}
    return _iso(
        {
            "meta_data.json": json.dumps(meta).encode(),
            "network_data.json": json.dumps(network).encode(),
            "user_data": user_data,
        }
    )


def _iso(files: dict[str, bytes]) -> bytes:
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=4, joliet=3, rock_ridge="1.09", vol_ident="config-2")
    iso.add_directory("/OPENSTACK", rr_name="openstack", joliet_path="/openstack")
    iso.add_directory("/OPENSTACK/LATEST", rr_name="latest", joliet_path="/openstack/latest")
    for name, data in files.items():
        path = f"/openstack/latest/{name}"
        iso.add_fp(io.BytesIO(data), len(data), path.upper() + ";1", rr_name=name, joliet_path=path)
    out = io.BytesIO()
    iso.write_fp(out)
    iso.close()
    return out.getvalue()


def domain_xml(pci_address: str) -> str:
    domain, bus, slot = pci_address.split(":")
    slot, function = slot.split(".")
    return f"""
<domain type='kvm'>
  <name>hand-made</name>
  <memory unit='MiB'>256</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/><apic/></features>
  <cpu mode='host-passthrough'/>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{DISK}'/>
      <target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{DRIVE}'/>
      <target dev='vdb' bus='virtio'/><readonly/></disk>
    <interface type='bridge'><mac address='{MAC}'/><source bridge='br0'/><model type='virtio'/></interface>
    <serial type='file'><source path='{CONSOLE}'/><target port='0'/></serial>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0x{domain}' bus='0x{bus}' slot='0x{slot}' function='0x{function}'/></source>
      <rom bar='off'/>
    </hostdev>
    <controller type='usb' model='none'/><memballoon model='none'/><video><model type='none'/></video>
  </devices>
</domain>"""


def wait_for_console(host: LabHost, words: bytes, seconds: float) -> bytes:
    deadline = time.monotonic() + seconds
    while words not in (said := host.read(CONSOLE)):
        assert time.monotonic() < deadline, f"no {words!r} in {seconds} s: {said.decode(errors='replace')}"
        time.sleep(0.5)
    return said


def ssh(key: Path, port: int, *command: str) -> str:
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes", "LogLevel=ERROR"]
    flags = [word for option in options for word in ("-o", option)]
    argv = ["ssh", *flags, "-i", str(key), "-p", str(port), "root@127.0.0.1", *command]
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout
