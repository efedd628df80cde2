"""Where devices stand in the drawing of their host."""

from itertools import combinations
from pathlib import Path

import pytest

from busway.control.devices.listing import DeviceView
from busway.domain.address import PciAddress
from busway.domain.condition import DeviceCondition
from busway.domain.device import PciDevice
from busway.domain.ids import DeviceId
from busway.domain.status import DeviceStatus
from busway.hardware.machine import Machine as Scan
from busway.testing.machines import gpu_host
from busway.testing.machines_server import a10_vfs, a5000_four, hgx_h200, mi300x_switches
from busway.web.map.layout import TILE, Cabinet, layout
from busway.web.map.state import link_words, model


def _view(device: PciDevice, host: str = "h") -> DeviceView:
    return DeviceView(
        id=DeviceId(f"{host}-{device.address}"),
        host=host,
        address=str(device.address),
        description=device.description,
        vendor_id=device.vendor_id,
        product_id=device.product_id,
        class_code=device.class_code,
        kind=device.kind,
        iommu_group=device.iommu_group,
        numa_node=device.numa_node,
        driver=device.driver,
        offered=device.is_gpu,
        present=True,
        status=DeviceStatus.AVAILABLE if device.is_gpu else None,
        server_id=None,
        server_name=None,
        reason="",
        vendor_name=device.vendor_name,
        product_name=device.product_name,
        parent=str(device.parent) if device.parent else None,
        bridges=tuple(map(str, device.bridges)),
    )


def _drawn(root: Path) -> Cabinet:
    return layout(_view(device) for device in Scan.read(root).inventory)


def test_gpus_on_two_numa_nodes_stand_in_two_boxes(tmp_path: Path) -> None:
    gpu_host(tmp_path, 8)

    drawn = _drawn(tmp_path)

    assert [node.label for node in drawn.nodes] == ["NUMA 0", "NUMA 1"]
    first, second = drawn.nodes
    rows = [sum(1 for tile in drawn.tiles if box.y < tile.y < box.y + box.height) for box in (first, second)]
    assert rows == [4, 4]


def test_a_gpu_and_a_nic_below_one_switch_hang_on_one_bar(tmp_path: Path) -> None:
    hgx_h200(tmp_path)

    drawn = _drawn(tmp_path)

    assert len(drawn.switches) == len(drawn.ports) == 8
    bar = next(box for box in drawn.switches if box.label == "16:00.0")
    below = [tile.device.address for tile in drawn.tiles if bar.x <= tile.x < bar.x + bar.width and tile.y < 150]
    assert below == ["0000:18:00.0", "0000:19:00.0"]


def test_a_port_s_wire_to_its_switch_has_room_for_the_words_of_its_link(tmp_path: Path) -> None:
    hgx_h200(tmp_path)

    drawn = _drawn(tmp_path)

    wires = [wire for wire in drawn.wires if wire.port]
    assert [wire.port for wire in wires][:2] == ["0000:15:01.0", "0000:27:01.0"]
    assert all(wire.y2 - wire.y1 >= 10 and wire.host == "h" for wire in wires)


@pytest.mark.parametrize(
    ("width", "most", "words"), [(16, 32.0, "Gen5 ×16"), (8, 16.0, "Gen4 ×8/16"), (16, 128.0, "×16"), (None, 32.0, "")]
)
def test_a_link_is_told_as_it_is_wired(width: int | None, most: float, words: str) -> None:
    assert link_words(DeviceCondition("0000:41:00.0", 2.5, width, most, 16)) == words


def test_functions_of_one_card_are_one_tile_and_their_group_is_outlined(tmp_path: Path) -> None:
    a5000_four(tmp_path)

    drawn = _drawn(tmp_path)

    assert len(drawn.tiles) == 4
    assert [len(tile.marks) for tile in drawn.tiles] == [1, 1, 1, 1]
    assert len(drawn.groups) == 4
    assert all(box.x < tile.x and box.width > TILE for box, tile in zip(drawn.groups, drawn.tiles, strict=True))


def test_vfs_are_marks_of_their_pf(tmp_path: Path) -> None:
    a10_vfs(tmp_path)

    [tile] = _drawn(tmp_path).tiles

    assert len(tile.marks) == 32
    assert len({(mark.x, mark.y) for mark in tile.marks}) == 32


@pytest.mark.parametrize("build", [hgx_h200, mi300x_switches, a5000_four, a10_vfs, lambda root: gpu_host(root, 40)])
def test_no_tile_lies_on_another_and_all_are_inside_the_cabinet(tmp_path: Path, build: object) -> None:
    build(tmp_path)  # type: ignore[operator]

    drawn = _drawn(tmp_path)

    for one, other in combinations(drawn.tiles, 2):
        apart = abs(one.x - other.x) >= TILE or one.y + one.height <= other.y or other.y + other.height <= one.y
        assert apart, (one.device.address, other.device.address)
    for tile in drawn.tiles:
        assert 0 <= tile.x <= drawn.width - TILE
        assert tile.y + tile.height <= drawn.height
        assert any(node.x <= tile.x and tile.y + tile.height <= node.y + node.height for node in drawn.nodes)


def test_a_host_without_devices_is_an_empty_cabinet() -> None:
    assert layout(()).tiles == []


@pytest.mark.parametrize(
    ("product", "short"),
    [
        ("GH100 [H200 SXM 141GB]", "H200"),
        ("AD102GL [RTX 6000 Ada Generation]", "6000"),
        ("Aqua Vanjaram [Instinct MI300X]", "MI300X"),
        ("", "GPU"),
    ],
)
def test_a_model_is_a_short_name(product: str, short: str) -> None:
    device = PciDevice(PciAddress("0000:41:00.0"), "10de", "2335", "030200", product_name=product)

    assert model(_view(device)) == short
