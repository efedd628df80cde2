from __future__ import annotations

import pytest

from busway.lab.device import arguments, devices


def _device_options(args: list[str]) -> list[dict[str, str]]:
    words = [args[i + 1] for i, arg in enumerate(args) if arg == "-device"]
    return [{"model": w.split(",")[0]} | dict(o.split("=", 1) for o in w.split(",")[1:]) for w in words]


@pytest.mark.parametrize("gpus", [0, 1, 4, 9, 48])
def test_every_plain_gpu_has_a_root_port_of_its_own(gpus: int) -> None:
    options = _device_options(arguments(devices(gpus)))

    gpu_buses = [o["bus"] for o in options if o["model"] == "bochs-display"]

    ports = {o["id"] for o in options if o["model"] == "pcie-root-port"}
    assert len(gpu_buses) == len(set(gpu_buses)) == gpus
    assert set(gpu_buses) <= ports


def test_gpus_alternate_between_the_two_numa_nodes() -> None:
    nodes = [device.numa_node for device in devices(5) if device.name.startswith("gpu")]

    assert nodes == [0, 1, 0, 1, 0]


def test_no_two_devices_share_a_slot_and_no_two_an_id() -> None:
    options = _device_options(arguments(devices(48)))

    places = [(o["bus"], o["addr"]) for o in options if "bus" in o]
    ids = [o["id"] for o in options if "id" in o]

    assert len(places) == len(set(places))
    assert len(ids) == len(set(ids))


def test_ports_of_one_chassis_have_different_slots() -> None:
    ports = [o for o in _device_options(arguments(devices(20))) if o["model"] == "pcie-root-port"]

    assert len({(o["chassis"], o["slot"]) for o in ports}) == len(ports)


def test_the_card_has_two_functions_in_one_slot() -> None:
    options = _device_options(arguments(devices(0)))

    card = [o for o in options if o.get("bus") == "port-card"]

    assert [o["addr"] for o in card] == ["0x0.0", "0x0.1"]
    assert card[0]["multifunction"] == "on"


def test_serial_numbers_differ_between_hosts() -> None:
    first, second = (next(w for w in arguments(devices(0, n)) if w.startswith("nvme,")) for n in (1, 2))

    assert first != second


def test_more_gpus_than_buses_are_refused() -> None:
    with pytest.raises(ValueError, match="0 to 48"):
        devices(49)
