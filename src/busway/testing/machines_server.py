"""GPU servers after real ones: their ids, addresses, classes and groups; the rest is filled in believably."""

from __future__ import annotations

from pathlib import Path

from busway.hardware.bar import Bar
from busway.testing.machines import Machine

_MIB, _GIB = 1 << 20, 1 << 30

_A2_A16_NAMES = """\
# An excerpt: what two products with one id are called.
10de  NVIDIA Corporation
\t25b6  GA107GL [A2 / A16]
\t\t10de 14a9  A16
\t\t10de 157e  A2
C 03  Display controller
\t00  VGA compatible controller
\t02  3D controller
"""


def grid_k2(root: Path) -> Machine:
    """Two GRID K2 cards, each with two GPUs on buses and groups of their own behind the card's switch."""
    machine = Machine(root)
    machine.numa(["0-9,20-29", "10-19,30-39"])
    for port, switch, gpus, node in (
        ("0000:00:02.0", "0000:02:00.0", {"04": 45, "05": 46}, 0),
        ("0000:80:02.0", "0000:82:00.0", {"84": 58, "85": 59}, 1),
    ):
        machine.bridge(port, "8086:0e04", group=20 + node, node=node)
        machine.bridge(switch, "10b5:8747", group=30 + node, node=node, under=port)
        for number, (bus, group) in enumerate(gpus.items()):
            downstream = f"{switch[:5]}{int(switch[5:7], 16) + 1:02x}:{8 * (number + 1):02x}.0"
            machine.bridge(downstream, "10b5:8747", group=32 + 2 * node + number, node=node, under=switch)
            machine.function(
                f"0000:{bus}:00.0", "10de:11bf", "030000", group=group, node=node, driver="nouveau", under=downstream
            )
    return machine


def a5000_four(root: Path) -> Machine:
    """A server with four RTX A5000, each with its audio function in a group of its own."""
    machine = Machine(root)
    machine.numa(["0-15,32-47", "16-31,48-63"])
    for bus, group, port, node in (
        ("31", 7, "0000:30:02.0", 0),
        ("4b", 5, "0000:4a:02.0", 0),
        ("b1", 21, "0000:b0:02.0", 1),
        ("ca", 19, "0000:c9:02.0", 1),
    ):
        machine.bridge(port, "8086:347a", group=100 + group, node=node)
        for function, ids, class_code, driver in (
            (0, "10de:2231", "030000", "nouveau"),
            (1, "10de:1aef", "040300", "snd_hda_intel"),
        ):
            address = f"0000:{bus}:00.{function}"
            machine.function(address, ids, class_code, group=group, node=node, driver=driver, under=port)
    return machine


def hgx_h200(root: Path) -> Machine:
    """An HGX H200: eight GPUs in groups of their own, each beside a NIC, and four NVSwitches in one group."""
    machine = Machine(root)
    machine.numa(["0-55", "56-111"])
    gpus = ((0x18, 59), (0x2A, 50), (0x3A, 41), (0x5D, 15), (0x9A, 107), (0xAB, 98), (0xBA, 89), (0xDB, 79))
    for number, (bus, group) in enumerate(gpus):
        node = number // 4
        port, switch = f"0000:{bus - 3:02x}:01.0", f"0000:{bus - 2:02x}:00.0"
        machine.bridge(port, group=group + 200, node=node, files=_link("32.0", 16))
        machine.bridge(switch, "1000:c030", group=group + 300, node=node, under=port)
        for slot in (0, 1):
            machine.bridge(f"0000:{bus - 1:02x}:0{slot}.0", "1000:c030", group=group + 400, node=node, under=switch)
        bars = [
            Bar(0, 16 * _MIB, (0x20 + number << 38) + 256 * _GIB, is_64bit=True, is_prefetchable=True),
            Bar(2, 256 * _GIB, 0x20 + number << 38, is_64bit=True, is_prefetchable=True),
            Bar(4, 32 * _MIB, (0x20 + number << 38) + 257 * _GIB, is_64bit=True, is_prefetchable=True),
        ]
        machine.function(
            f"0000:{bus:02x}:00.0", "10de:2335", "030200", group=group, node=node, driver="nvidia",
            subsystem="10de:18be", under=f"0000:{bus - 1:02x}:00.0", bars=bars, files=_link("32.0", 16),
        )  # fmt: skip
        nic = f"0000:{bus + 1:02x}:00.0"
        under = f"0000:{bus - 1:02x}:01.0"
        machine.function(
            nic, "15b3:1021", "020700", group=group + 500, node=node, driver="mlx5_core", under=under, files=_link("32.0", 16)
        )  # fmt: skip
    machine.bridge("0000:00:0f.0", group=114, node=0)
    machine.bridge("0000:03:00.0", "1000:c030", group=114, node=0, under="0000:00:0f.0")
    for number in range(4):
        machine.bridge(f"0000:04:0{number}.0", "1000:c030", group=114, node=0, under="0000:03:00.0")
        machine.function(
            f"0000:0{5 + number}:00.0", "10de:22a3", "068000", group=114, node=0, driver="nvidia-nvswitch",
            under=f"0000:04:0{number}.0",
        )  # fmt: skip
    return machine


def a10_vfs(root: Path) -> Machine:
    """An A10 with its 32 VFs; host bridge and root port are in the group of the PF."""
    machine = Machine(root)
    machine.numa(["0-63"])
    machine.function("0000:40:03.0", "1022:1482", "060000", group=44, node=0)
    machine.bridge("0000:40:03.1", "1022:1483", group=44, node=0)
    pf = "0000:41:00.0"
    machine.function(
        pf, "10de:2236", "030200", group=44, node=0, driver="nvidia", subsystem="10de:1482", total_vfs=32,
        under="0000:40:03.1", files=_link("16.0", 16, now="2.5"),
    )  # fmt: skip
    for number in range(32):
        machine.vf(pf, number, "10de:2236", group=60 + number, node=0, driver="nvidia", subsystem="10de:0000")
    return machine


def l40s_vendor_vfio(root: Path) -> Machine:
    """An L40S on a kernel with vendor-specific VFIO: each VF tells the vGPU types that it can become."""
    machine = Machine(root)
    machine.numa(["0-31"])
    machine.bridge("0000:25:01.0", group=23, node=0)
    pf = "0000:26:00.0"
    machine.function(pf, "10de:26b9", "030200", group=24, node=0, driver="nvidia", total_vfs=32, under="0000:25:01.0")
    types = "ID    : vGPU Name\n1145  : NVIDIA L40S-1B\n1166  : NVIDIA L40S-48A\n2164  : NVIDIA L40S-3B"
    for number in range(4):
        files = {
            "nvidia/creatable_vgpu_types": types, "nvidia/current_vgpu_type": "0", "nvidia/gpu_instance_id": "0",
            "nvidia/placement_id": "0", "nvidia/vgpu_params": "", "nvidia/warm_update": "0",
        }  # fmt: skip
        machine.vf(pf, number, "10de:26b9", group=70 + number, node=0, driver="nvidia", files=files)
    return machine


def a2_and_a16(root: Path) -> Machine:
    """An A2 and an A16: one vendor and product id, with different subsystem ids; the A2 has a VF with mdevs."""
    machine = Machine(root)
    machine.numa(["0-5,12-17", "6-11,18-23"])
    machine.write("usr/share/misc/pci.ids", _A2_A16_NAMES)
    for bus, subsystem, node in (("08", "10de:157e", 0), ("25", "10de:14a9", 1)):
        port = f"0000:{int(bus, 16) - 1:02x}:01.0"
        machine.bridge(port, group=node + 1, node=node)
        machine.function(
            f"0000:{bus}:00.0", "10de:25b6", "030200", group=node + 10, node=node, driver="nvidia",
            subsystem=subsystem, total_vfs=16, under=port,
        )  # fmt: skip
    vf = machine.vf(
        "0000:08:00.0", 0, "10de:25b6", group=20, node=0, driver="nvidia", subsystem="10de:0000",
        files={"reset_method": "flr", "d3cold_allowed": "0", "current_link_speed": "Unknown"},
    )  # fmt: skip
    machine.mdev_type(str(vf), "nvidia-742", 16, name="NVIDIA A2-1B", description="num_heads=4, framebuffer=1024M")
    machine.mdev_type(str(vf), "nvidia-756", 0, name="NVIDIA A2-16C", description="num_heads=1, framebuffer=16384M")
    return machine


def mi300x_switches(root: Path) -> Machine:
    """MI300X accelerators (class 1200) behind two levels of switches, each with a NIC one level above it."""
    machine = Machine(root)
    machine.numa(["0-47", "48-95"])
    for number, (gpu, nic) in enumerate(((0x0C, 0x07), (0x15, 0x10), (0x1E, 0x19), (0x69, 0x64), (0x9F, 0x9A))):
        node, group = number // 4, 10 * number
        ports = [f"0000:{nic - 3:02x}:01.1", f"0000:{nic - 2:02x}:00.0", f"0000:{nic - 1:02x}:00.0"]
        inner = [f"0000:{gpu - 2:02x}:00.0", f"0000:{gpu - 1:02x}:00.0"]
        beside = f"0000:{nic - 1:02x}:01.0"
        machine.bridge(ports[0], "1022:14ab", group=group, node=node)
        machine.bridge(ports[1], "15b3:1979", group=group + 1, node=node, under=ports[0])
        machine.bridge(ports[2], "15b3:1979", group=group + 2, node=node, under=ports[1])
        machine.bridge(beside, "15b3:1979", group=group + 3, node=node, under=ports[1])
        machine.bridge(inner[0], "1022:1500", group=group + 4, node=node, under=ports[2])
        machine.bridge(inner[1], "1022:1501", group=group + 5, node=node, under=inner[0])
        machine.function(
            f"0000:{gpu:02x}:00.0", "1002:74a1", "120000", group=group + 6, node=node, driver="amdgpu",
            subsystem="1002:74a1", under=inner[1], files=_link("32.0", 16),
        )  # fmt: skip
        address = f"0000:{nic:02x}:00.0"
        machine.function(address, "15b3:1021", "020700", group=group + 7, node=node, driver="mlx5_core", under=beside)
    return machine


def _link(speed: str, width: int, now: str = "") -> dict[str, str]:
    return {
        "current_link_speed": f"{now or speed} GT/s PCIe", "max_link_speed": f"{speed} GT/s PCIe",
        "current_link_width": str(width), "max_link_width": str(width),
    }  # fmt: skip
