"""An agent's metrics: what /sys says of its devices, what its steps did; over HTTP to whoever may read them, and bounded."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from busway.agent.metrics_server import MetricsServer, parse_address
from busway.domain.address import PciAddress
from busway.domain.errors import InvalidConfig
from busway.metrics.agent import FAMILIES
from busway.metrics.meters import Meters
from busway.testing.stage import ONE, Stage, desired_server


def told(text: str) -> dict[str, float]:
    found = text_string_to_metric_families(text)
    return {
        each.name + "".join(f" {value}" for _, value in sorted(each.labels.items())): each.value
        for family in found
        for each in family.samples
    }


def write(stage: Stage, gpu: PciAddress, **files: str) -> None:
    for name, content in files.items():
        path = stage.machine.folder(str(gpu)) / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def test_devices_are_told_as_the_kernel_has_them(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    write(stage, gpu, current_link_speed="8.0 GT/s PCIe\n", current_link_width="4\n", max_link_speed="16.0 GT/s PCIe\n")
    write(stage, gpu, max_link_width="16\n", power_state="D0\n", power__runtime_status="active\n")
    write(stage, gpu, aer_dev_fatal="Undefined 0\nDLP 2\nTOTAL_ERR_FATAL 2\n", aer_dev_correctable="rubbish\xff")
    write(stage, gpu, hwmon__hwmon3__temp1_input="64500\n", hwmon__hwmon3__temp1_label="edge\n")
    write(stage, gpu, hwmon__hwmon3__temp2_input="not a number\n")
    stage.desire(desired_server(ONE, gpu))
    agent = stage.agent()
    stage.settle(agent)

    found = told(agent.meters.text().decode())

    at = str(gpu)
    assert found[f"busway_device_link_speed_gts {at}"] == 8 and found[f"busway_device_link_max_speed_gts {at}"] == 16
    assert found[f"busway_device_link_width {at}"] == 4 and found[f"busway_device_link_max_width {at}"] == 16
    assert found[f"busway_device_aer_errors_total {at} fatal"] == 2
    assert f"busway_device_aer_errors_total {at} correctable" not in found
    assert found[f"busway_device_power_state {at} active D0"] == 1
    assert found[f"busway_device_temperature_celsius {at} edge"] == 64.5
    assert found[f"busway_device_server {at} {ONE}"] == 1
    assert found[f"busway_device_info {at} vfio-pci 10de:20b5 0"] == 1
    assert found["busway_agent_steps_total done TakeDevice"] == 1
    assert found["busway_agent_step_seconds_count TakeDevice"] == 1


def test_a_device_that_sleeps_is_not_asked_for_its_temperature(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    write(stage, gpu, power__runtime_status="suspended\n", hwmon__hwmon3__temp1_input="64500\n")
    agent = stage.agent()
    agent.round()

    assert f"busway_device_temperature_celsius {gpu} temp1" not in told(agent.meters.text().decode())


def test_resets_and_troubles_are_told(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    stage.desire(desired_server(ONE, gpu))
    agent = stage.agent()
    stage.settle(agent)
    stage.desire(absent=(ONE,))
    stage.settle(agent)

    assert told(agent.meters.text().decode())[f"busway_device_resets_total {gpu}"] == 1


@contextmanager
def serving(token: str = "") -> Iterator[MetricsServer]:
    meters = Meters(FAMILIES)
    meters.count("busway_agent_steps_total", "MakeDisk", "done")
    with closing(MetricsServer(meters, "127.0.0.1", 0, token)) as server:
        yield server


def test_metrics_are_served_to_this_machine() -> None:
    with serving() as server:
        answer = httpx.get(f"http://127.0.0.1:{server.port}/metrics")

        assert 'busway_agent_steps_total{result="done",step="MakeDisk"} 1.0' in answer.text
        assert answer.headers["content-type"].startswith("text/plain")
        assert httpx.get(f"http://127.0.0.1:{server.port}/etc/passwd").status_code == 404


def test_a_token_is_asked_for_where_there_is_one() -> None:
    with serving("secret") as server:
        url = f"http://127.0.0.1:{server.port}/metrics"

        assert httpx.get(url).status_code == 401
        assert httpx.get(url, headers={"authorization": "Bearer wrong"}).status_code == 401
        assert httpx.get(url, headers={"authorization": "Bearer secret"}).status_code == 200


@pytest.mark.thorough
def test_a_client_that_says_nothing_keeps_others_for_a_few_seconds_only() -> None:
    with serving() as server, socket.create_connection(("127.0.0.1", server.port)):
        began = time.monotonic()

        assert httpx.get(f"http://127.0.0.1:{server.port}/metrics", timeout=30).status_code == 200
        assert time.monotonic() - began < 15
        assert len([thread for thread in threading.enumerate() if thread.name == "metrics"]) == 1


def test_metrics_are_not_opened_to_everybody() -> None:
    with pytest.raises(InvalidConfig, match="readable by everybody"):
        MetricsServer(Meters(FAMILIES), "0.0.0.0", 0)


def test_a_port_that_is_taken_is_told() -> None:
    with serving() as server, pytest.raises(InvalidConfig, match="Can't serve metrics"):
        MetricsServer(Meters(FAMILIES), "127.0.0.1", server.port)


@pytest.mark.parametrize("text", ["", "9835", "localhost:9835", "127.0.0.1:", "127.0.0.1:99999", "[::1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfig):
        parse_address(text)


def test_an_address_is_read() -> None:
    assert parse_address("127.0.0.1:1") == ("127.0.0.1", 1)
    assert parse_address("[::1]:9835") == ("::1", 9835)
