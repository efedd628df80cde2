"""Driver recipes: scripts that a shell reads, joined to vendor data, and refused where they can't drive what is asked for."""

import gzip
import json
import re
import subprocess
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from busway.control.drivers.recipe import asked_driver, drivers, script
from busway.control.moves.begin_resize import resize_server
from busway.control.placement import place
from busway.control.servers.create import create_servers
from busway.control.servers.rebuild import Rebuild, rebuild_server
from busway.domain.alias import parse_aliases
from busway.domain.device_spec import parse_device_specs
from busway.domain.errors import BuswayError
from busway.domain.gpu_generation import AMD_GENERATIONS, NVIDIA_GENERATIONS, generation_of
from busway.domain.guest_files import openstack_files
from busway.domain.ids import ServerId
from busway.domain.requests import CreateServer
from busway.domain.server import ServerStatus
from tests.control.clouds import ADMIN, Cloud, Host, gpu

RECIPES = sorted(
    (path.name, path.read_text("utf-8"))
    for path in files("busway.control.drivers").joinpath("recipes").iterdir()
    if path.name.endswith(".sh") and path.name != "begin.sh"
)
UBUNTU = {"os_distro": "ubuntu"}


@pytest.mark.parametrize(("name", "text"), RECIPES, ids=[name for name, _ in RECIPES])
def test_each_recipe_is_a_script_of_a_known_driver_and_names_no_host(name: str, text: str) -> None:
    driver, system, _ = name.rsplit(".", 2)
    told = script(drivers()[driver], {"os_distro": system})

    assert told.startswith("#!/bin/sh\n") and told.endswith(f"DRIVER={driver}\n{text}") and system.isalnum()
    assert subprocess.run(["sh", "-n"], input=told, text=True, capture_output=True).stderr == ""
    assert not re.search(r"https?:|\b[a-z0-9-]+\.(com|org|net|io)\b", text)


@pytest.mark.parametrize(("fails", "told"), [("", "is ready"), ("modprobe", "is not ready, a command ended with 1:")])
def test_a_recipe_tells_how_it_ended_and_stops_at_the_first_failure(tmp_path: Path, fails: str, told: str) -> None:
    for command in ("apt-get", "dpkg-reconfigure", "modprobe", "nvidia-smi"):
        stand_in = tmp_path / command
        stand_in.write_text(f"#!/bin/sh\necho {command} $*\n" + ("exit 1\n" if command == fails else ""))
        stand_in.chmod(0o755)
    text = script(drivers()["nvidia-open-570"], UBUNTU).replace("/dev/console", str(tmp_path / "console"))

    done = subprocess.run(["sh"], input=text, text=True, capture_output=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})

    assert (done.returncode == 0) is not fails.startswith("modprobe")
    assert f"busway: nvidia-open-570 {told}" in (tmp_path / "console").read_text()
    assert ("nvidia-smi -L" in done.stdout) is (not fails)


def test_each_driver_has_a_recipe_and_known_generations() -> None:
    for driver in drivers().values():
        assert any(name.startswith(f"{driver.name}.") for name, _ in RECIPES)
        known = NVIDIA_GENERATIONS if driver.vendor == "10de" else AMD_GENERATIONS
        assert set(driver.generations) <= set(known) and driver.title and driver.why


def test_the_generations_are_those_of_the_chips_that_pci_ids_names() -> None:
    """Every NVIDIA product from Maxwell on whose name begins with its chip, but for what is no GPU."""
    chips = {"GM": "maxwell", "GP": "pascal", "GV": "volta", "TU": "turing", "GA": "ampere"}
    chips |= {"GH": "hopper", "AD": "ada", "GB": "blackwell"}
    text = gzip.decompress(files("busway.hardware").joinpath("pci.ids.gz").read_bytes()).decode("utf-8", "replace")
    part = text.partition("\n10de  ")[2]
    part = re.split(r"\n[0-9a-f]{4}  ", part, maxsplit=1)[0]
    wrong, compared = [], 0
    for product, name in re.findall(r"^\t([0-9a-f]{4})  (.*)$", part, re.MULTILINE):
        chip = re.match(r"(GM|GP|GV|TU|GA|GH|AD|GB)\d", name)
        if (
            not chip
            or re.search(r"Audio|USB|UCSI|NVSwitch|PCIe|host|Switch|C2C|bridge", name)
            or int(product, 16) < 0x1340
        ):
            continue
        compared += 1
        if generation_of("10de", product) not in (chips[chip[1]], None):
            wrong.append(f"{product} {name}: {generation_of('10de', product)}")

    assert wrong == [] and compared > 400


def ask(cloud: Cloud, alias: str, driver: str, properties: dict[str, str], of_image: str = "") -> ServerId:
    more = {"busway:driver": of_image} if of_image else {}
    with cloud.control.db.write() as tx:
        cloud.set_image_properties(tx, {**properties, **more})
    specs = {"pci_passthrough:alias": f"{alias}:1"} if alias else {}
    flavor = replace(cloud.plain, extra_specs={**specs, **({"busway:driver": driver} if driver else {})})
    return create_servers(cloud.control, ADMIN, CreateServer("s", flavor, cloud.image), "req-1")[0].id


def configure(cloud: Cloud) -> None:
    """Aliases of an H100, a B200, a V100, an MI300X, and of any NVIDIA device of a class."""
    ids = {"h100": "10de:2330", "b200": "10de:2901", "v100": "10de:1db6", "mi300x": "1002:74a1", "new": "10de:7777"}
    texts = [json.dumps({"name": name, "vendor_id": pair[:4], "product_id": pair[5:]}) for name, pair in ids.items()]
    cloud.configure(aliases={**cloud.control.settings.aliases, **parse_aliases(texts)})


@pytest.mark.parametrize(
    ("alias", "driver", "properties", "of_image", "code"),
    [
        ("h100", "nvidia-open-570", UBUNTU, "", None),
        ("h100", "nvidia-570", UBUNTU, "", None),
        ("b200", "nvidia-open-570", {"os_distro": "rocky"}, "", None),
        ("new", "nvidia-570", UBUNTU, "", None),
        ("mi300x", "rocm-6", UBUNTU, "", None),
        ("h100", "", UBUNTU, "nvidia-570", None),
        ("b200", "nvidia-570", UBUNTU, "", "driver-mismatch"),
        ("v100", "nvidia-open-570", UBUNTU, "", "driver-mismatch"),
        ("mi300x", "nvidia-570", UBUNTU, "", "driver-mismatch"),
        ("h100", "rocm-6", UBUNTU, "", "driver-mismatch"),
        ("", "nvidia-570", UBUNTU, "", "driver-mismatch"),
        ("h100", "nvidia-571", UBUNTU, "", "driver-unknown"),
        ("h100", "nvidia-570", {}, "", "driver-system"),
        ("h100", "nvidia-570", {"os_distro": "../ubuntu"}, "", "driver-system"),
        ("h100", "rocm-6", {"os_distro": "rocky"}, "", "driver-system"),
        ("h100", "nvidia-570", UBUNTU, "nvidia-open-570", "driver-conflict"),
    ],
)
def test_a_driver_is_matched_with_the_devices_that_are_asked_for(
    cloud: Cloud, alias: str, driver: str, properties: dict[str, str], of_image: str, code: str | None
) -> None:
    configure(cloud)
    try:
        ask(cloud, alias, driver, properties, of_image)
    except BuswayError as error:
        assert error.code == code, error
    else:
        assert code is None


def running(cloud: Cloud) -> tuple[Host, ServerId]:
    """A server with one of the host's devices and a driver for them."""
    configure(cloud)
    cloud.configure(device_specs=parse_device_specs(['{"vendor_id": "10de"}']))
    host = cloud.host("h1", inventory=(replace(gpu(0), vendor_id="10de", product_id="2330"),))
    server_id = ask(cloud, "h100", "nvidia-open-570", UBUNTU)
    place.place_round(cloud.control)
    host.obey()
    assert cloud.server(server_id).status is ServerStatus.ACTIVE
    return host, server_id


def test_the_recipe_is_what_the_guest_reads_as_vendor_data(cloud: Cloud) -> None:
    host, _ = running(cloud)

    [server] = host.desired().servers
    told = json.loads(openstack_files(server.config_drive)["vendor_data.json"])
    assert told == {"cloud-init": script(drivers()["nvidia-open-570"], UBUNTU)}


def test_a_server_without_the_word_has_no_vendor_data(cloud: Cloud) -> None:
    host = cloud.host("h1")
    cloud.boot()

    assert host.desired().servers[0].config_drive.vendor_data == ""


def test_a_rebuild_and_a_resize_are_checked_as_a_new_server_is(cloud: Cloud) -> None:
    _, server_id = running(cloud)
    with cloud.control.db.write() as tx:
        cloud.set_image_properties(tx, {"os_distro": "debian"})

    with pytest.raises(BuswayError) as rebuilt:
        rebuild_server(cloud.control, ADMIN, server_id, Rebuild(cloud.image), "req-2")
    flavor = replace(cloud.plain, id="o", name="o", extra_specs={"busway:driver": "rocm-6"})  # type: ignore[arg-type]
    with pytest.raises(BuswayError) as resized:
        resize_server(cloud.control, ADMIN, server_id, flavor, "req-3")

    assert (rebuilt.value.code, resized.value.code) == ("driver-system", "driver-mismatch")


def test_an_alias_without_a_product_is_looked_up_among_the_devices_that_are_there(cloud: Cloud) -> None:
    anything = parse_aliases(['{"name": "any", "vendor_id": "10de", "product_id": "20b5"}'])["any"]
    open_to_all = replace(anything, specs=tuple(replace(spec, product_id=None) for spec in anything.specs))
    cloud.configure(aliases={"any": open_to_all})
    ask(cloud, "any", "nvidia-570", UBUNTU)
    cloud.host("h1", inventory=(replace(gpu(0), vendor_id="10de", product_id="2901"),))

    with pytest.raises(BuswayError) as caught:
        ask(cloud, "any", "nvidia-570", UBUNTU)

    assert caught.value.code == "driver-mismatch" and "blackwell" in caught.value.detail + caught.value.brief


def test_a_flavor_takes_no_driver_that_there_is_not() -> None:
    with pytest.raises(BuswayError) as caught:
        asked_driver({"busway:driver": "nvidia-open-571"}, {})

    assert "Did you mean nvidia-open-570?" in caught.value.detail
