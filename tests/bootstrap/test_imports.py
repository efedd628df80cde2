"""Files of other clouds become rules that Busway itself reads without a word; what can't be carried over is named."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from busway.bootstrap.config_check import check_config
from busway.bootstrap.imports import read_foreign
from busway.cli.main import main
from busway.domain.errors import InvalidConfig

FILES = {
    "nova.conf": """\
[DEFAULT]
pci_alias = {"name": "old", "vendor_id": "10de", "product_id": "11bf"}
[pci]
passthrough_whitelist = {"vendor_id": "10de", "product_id": "20b5"}
device_spec = [{"address": "0000:41:00.0"}, {"address": "0000:42:00.0"}]
alias = {"name": "a100", "vendor_id": "10de", "product_id": "20b5", "device_type": "type-PF"}
alias = no json
[libvirt]
virt_type = kvm
""",
    "pve-mapping": """\
A100
\tdescription the big ones
\tmap id=10de:20b5,iommugroup=12,node=pve1,path=0000:41:00.0,subsystem-id=10de:1533
\tmap id=10de:20b5,iommugroup=13,node=pve2,path=41:00
\tmdev 1

sound
\tmap id=10de:1aef,node=pve1,path=0000:42:00.1;0000:43:00.1
\tlive-migration-capable 1
""",
    "harvester": """\
apiVersion: v1
kind: List
items:
- {kind: PCIDevice, metadata: {name: n1-000041000}, status: {address: "0000:41:00.0", vendorId: "10de", deviceId: "20b5", resourceName: nvidia.com/GA100_A100}}
- {kind: PCIDeviceClaim, metadata: {name: n1-000041000}, spec: {address: "0000:41:00.0", nodeName: n1}}
- {kind: PCIDeviceClaim, metadata: {name: n1-000042000}, spec: {address: "0000:42:00.0", nodeName: n1}}
- {kind: VGPUDevice, metadata: {name: n1-v}, spec: {address: "0000:08:00.4", enabled: true, vGPUTypeName: NVIDIA A2-1B}}
""",
    "kubevirt": """\
apiVersion: kubevirt.io/v1
kind: KubeVirt
spec:
  configuration:
    permittedHostDevices:
      pciHostDevices:
      - {pciVendorSelector: "10DE:20B5", resourceName: nvidia.com/GA100, externalResourceProvider: true}
      - {pciVendorSelector: "nonsense", resourceName: x/y}
      mediatedDevices:
      - {mdevNameSelector: GRID T4-1Q, resourceName: nvidia.com/GRID_T4-1Q}
""",
}
ALIASES = {
    "nova.conf": ["old", "a100"],
    "pve-mapping": ["a100", "sound"],
    "harvester": ["ga100_a100"],
    "kubevirt": ["ga100"],
}
LEFT = {
    "nova.conf": ["it is no JSON", "[libvirt] virt_type"],
    "pve-mapping": ["A100: mdev", "A100: node pve2", "sound: live-migration-capable", "an address that one node has"],
    "harvester": ["PCIDeviceClaim n1-000042000: an alias", "node n1", "VGPUDevice n1-v"],
    "kubevirt": ["externalResourceProvider", "'nonsense'", "mediatedDevices GRID T4-1Q"],
}


@pytest.mark.parametrize("kind", FILES)
def test_what_is_printed_is_read_without_a_mistake_and_names_what_is_left(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_text(FILES[kind])

    done = CliRunner().invoke(main, ["import", kind, str(tmp_path / "file")])
    (tmp_path / "busway.conf").write_text(done.output)
    report = check_config(tmp_path / "busway.conf")

    assert done.exit_code == 0
    assert report.errors == ()
    assert sorted(report.aliases) == sorted(ALIASES[kind])
    assert report.device_specs >= 1
    assert [words for words in LEFT[kind] if words not in done.output] == []
    assert f"pci_passthrough:alias={ALIASES[kind][0]}:1" in done.output


def test_a_card_with_sriov_is_asked_for_as_a_physical_function(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(FILES["pve-mapping"])

    found = read_foreign("pve-mapping", tmp_path / "file")

    assert [one.get("device_type") for one in found.aliases] == ["type-PF", None]
    assert {"vendor_id": "10de", "product_id": "20b5", "address": "0000:41:00.0"} in found.device_specs


def test_it_is_json_for_programs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(FILES["kubevirt"])

    found = json.loads(CliRunner().invoke(main, ["import", "kubevirt", str(tmp_path / "file"), "--json"]).output)

    assert found["aliases"][0]["name"] == "ga100"
    assert len(found["not_carried_over"]) == 3


@pytest.mark.parametrize(
    ("kind", "text"),
    [("pve-mapping", "{}"), ("kubevirt", "a: [unclosed"), ("harvester", "kind: Pod"), ("kubevirt", "just words")],
)
def test_what_is_no_such_file_is_refused_in_plain_words(tmp_path: Path, kind: str, text: str) -> None:
    (tmp_path / "file").write_text(text)

    with pytest.raises(InvalidConfig) as caught:
        read_foreign(kind, tmp_path / "file")

    assert "has nothing to import" in caught.value.brief


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_not_there_is_told_in_plain_words(kind: str) -> None:
    done = CliRunner().invoke(main, ["import", kind, "/nonexist"])

    assert done.exit_code == 1
    assert "/nonexist can't be read" in done.output
    assert "Errno" not in done.output
