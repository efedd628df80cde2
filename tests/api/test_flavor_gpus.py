"""A flavor tells its GPUs beside its alias: computed, for those who can't write extra specs, and never stored."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from busway.domain.address import PciAddress
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.mdev import MdevParentSeen, MdevRule, MdevRules, MdevTypeSeen
from tests.api.serving import ApiServer

FLAVORS = "/compute/v2.1/flavors"
A100_80 = PciDevice(PciAddress("0000:81:00.0"), "10de", "20b5", "030200", product_name="GA100 [A100 PCIe 80GB]")
A100_40 = replace(A100_80, address=PciAddress("0000:82:00.0"), product_id="20f1", product_name="GA100 [A100 PCIe 40GB]")
MI300X_VF = PciDevice(
    PciAddress("0000:83:00.0"),
    "1002",
    "74b5",
    "120000",
    DeviceKind.VF,
    product_name="Aqua Vanjaram [Instinct MI300X VF]",
)
CARD = PciDevice(PciAddress("0000:84:00.0"), "15b3", "1017", "020000", product_name="MT27800 Family [ConnectX-5]")
OLD = PciDevice(PciAddress("0000:85:00.0"), "10de", "1b06", "030000", product_name="GP102 [GeForce GTX 1080 Ti]")


@dataclass
class Shop:
    """A cloud with some GPUs and an operator of flavors, and a customer."""

    api: ApiServer
    admin: httpx.Client
    ann: httpx.Client

    def alias(self, name: str, *specs: dict[str, str]) -> None:
        body = {"definitions": [json.dumps({"name": name, **spec}) for spec in specs]}
        self.admin.post("/busway/v1/aliases", json=body).raise_for_status()

    def flavor(self, name: str, **specs: str) -> None:
        flavor = {"name": name, "id": name, "ram": 1, "vcpus": 1, "disk": 0}
        self.admin.post(FLAVORS, json={"flavor": flavor}).raise_for_status()
        body = {"extra_specs": {key.replace("__", ":"): value for key, value in specs.items()}}
        self.admin.post(f"{FLAVORS}/{name}/os-extra_specs", json=body).raise_for_status()

    def told(self, name: str) -> dict[str, str]:
        """What the customer reads of a flavor's GPUs."""
        specs: dict[str, str] = self.ann.get(f"{FLAVORS}/{name}").json()["flavor"]["extra_specs"]
        return {key: value for key, value in specs.items() if key.startswith("gpu")}


def hardware(api: ApiServer, *devices: PciDevice, parents: tuple[MdevParentSeen, ...] = ()) -> None:
    host = replace(api.host(), inventory=devices, as_of=lambda seen: replace(seen, mdev_parents=parents))
    host.report()


@pytest.fixture
def shop(api_server: ApiServer) -> Shop:
    admin, ann = api_server.client(version="2.61"), api_server.client(api_server.user("ann"), version="2.61")
    hardware(api_server, A100_80, A100_40, MI300X_VF, CARD, OLD)
    return Shop(api_server, admin, ann)


def ids(device: PciDevice, **more: str) -> dict[str, str]:
    return {"vendor_id": device.vendor_id, "product_id": device.product_id, **more}


def test_a_flavor_tells_model_count_and_memory_of_its_gpus(shop: Shop) -> None:
    shop.alias("a100", ids(A100_80))
    shop.flavor("g2", pci_passthrough__alias="a100:2")

    assert shop.told("g2") == {
        "gpu:count": "2",
        "gpu:vendor": "nvidia",
        "gpu:name": "A100",
        "gpu:memory_mib": "81920",
        "gpu:product": "GA100 [A100 PCIe 80GB]",
    }
    [listed] = [each for each in shop.ann.get(f"{FLAVORS}/detail").json()["flavors"] if each["id"] == "g2"]
    assert listed["extra_specs"] == {"pci_passthrough:alias": "a100:2", **shop.told("g2")}
    assert shop.ann.get(f"{FLAVORS}/g2/os-extra_specs").json()["extra_specs"] == listed["extra_specs"]


def test_what_is_not_the_same_of_all_or_not_known_is_left_out(shop: Shop) -> None:
    shop.alias("any", ids(A100_80), ids(A100_40))
    shop.alias("vf", ids(MI300X_VF, device_type="type-VF"))
    shop.alias("old", ids(OLD))
    for name in ("any", "vf", "old"):
        shop.flavor(name, pci_passthrough__alias=f"{name}:1")

    assert shop.told("any") == {"gpu:count": "1", "gpu:vendor": "nvidia", "gpu:name": "A100"}
    assert "gpu:memory_mib" not in shop.told("vf") and shop.told("vf")["gpu:vendor"] == "amd"
    assert "gpu:memory_mib" not in shop.told("old") and shop.told("old")["gpu:name"] == "GTX1080Ti"


def test_two_kinds_are_numbered_and_what_is_no_gpu_is_not_told(shop: Shop) -> None:
    shop.alias("big", ids(A100_80))
    shop.alias("small", ids(A100_40))
    shop.alias("card", ids(CARD))
    shop.alias("none", {"vendor_id": "10de", "product_id": "ffff"})
    shop.flavor("both", pci_passthrough__alias="big:1,small:2,card:1")
    shop.flavor("no", pci_passthrough__alias="card:1,none:1")

    told = shop.told("both")

    assert (told["gpu:count"], told["gpu:memory_mib"]) == ("1", "81920")
    assert (told["gpu2:count"], told["gpu2:memory_mib"]) == ("2", "40960")
    assert shop.told("no") == {} and shop.told("1") == {}


def test_who_writes_extra_specs_reads_what_was_written(shop: Shop) -> None:
    shop.alias("a100", ids(A100_80))
    shop.flavor("g1", pci_passthrough__alias="a100:1")
    written = {"pci_passthrough:alias": "a100:1"}

    shown = shop.admin.get(f"{FLAVORS}/g1").json()["flavor"]["extra_specs"]
    listed = shop.admin.get(f"{FLAVORS}/g1/os-extra_specs").json()["extra_specs"]
    one = shop.admin.get(f"{FLAVORS}/g1/os-extra_specs/gpu:name")
    refused = shop.admin.post(f"{FLAVORS}/g1/os-extra_specs", json={"extra_specs": {"gpu:name": "B200"}})

    assert shown == listed == written
    assert one.json() == {"gpu:name": "A100"}
    assert refused.status_code == 400 and "gpu:name is read-only" in refused.text


def test_a_vgpu_is_told_with_its_share_of_the_memory(api_server: ApiServer) -> None:
    rules = MdevRules([MdevRule("nvidia-471"), MdevRule("nvidia-700", ("0000:82:00.0",), "CUSTOM_MIG")])
    object.__setattr__(api_server.control, "settings", replace(api_server.control.settings, mdev_rules=rules))
    types = (MdevTypeSeen("nvidia-471", "GRID A100D-40C", 2), MdevTypeSeen("nvidia-700", "GRID A100D-1-10C", 7))
    parents = (MdevParentSeen(str(A100_80.address), types),)
    hardware(api_server, A100_80, parents=parents)
    shop = Shop(api_server, api_server.client(), api_server.client(api_server.user("ann"), version="2.61"))
    shop.flavor("half", resources__VGPU="1")
    shop.flavor("slice", resources__CUSTOM_MIG="2")
    known: dict[str, Any] = {"gpu:vendor": "nvidia", "gpu:name": "A100", "gpu:product": "GA100 [A100 PCIe 80GB]"}

    half = {**known, "gpu:count": "1", "gpu:memory_mib": "40960", "gpu:profile": "GRID A100D-40C"}
    part = {**known, "gpu:count": "2", "gpu:memory_mib": "10240", "gpu:profile": "GRID A100D-1-10C"}
    assert (shop.told("half"), shop.told("slice")) == (half, part)
