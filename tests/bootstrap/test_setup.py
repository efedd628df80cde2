"""GPUs that are ready are offered under their own names, once; nothing else is, and nothing of an operator's is touched."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.bootstrap.admin import ensure_admin
from busway.bootstrap.config import read_config
from busway.bootstrap.serve import build_control
from busway.bootstrap.setup.apply import OwnCloud, apply_proposal
from busway.bootstrap.setup.first_use import next_steps, operator, set_up_once
from busway.bootstrap.setup.model import model_of
from busway.bootstrap.setup.propose import Room, propose
from busway.control import flavors
from busway.control.context import Control
from busway.control.hosts import joining
from busway.control.rules import aliases, device_specs
from busway.domain.address import PciAddress
from busway.domain.device import DeviceKind, PciDevice
from busway.store.audit import AuditFilter, list_records
from busway.testing.machines import Machine
from busway.testing.machines_named import NAMED
from tests.control.clouds import ADMIN
from tests.databases import add_tables_of
from tests.doctor.hosts import BROKEN, healthy

ROOM = Room(vcpus=64, ram_mb=512 * 1024, disk_gb=1000)


def gpu(vendor: str, product: str, name: str, kind: DeviceKind = DeviceKind.PCI) -> PciDevice:
    return PciDevice(PciAddress("0000:41:00.0"), vendor, product, "030200", kind, product_name=name)


@pytest.mark.parametrize(
    ("vendor", "name", "short", "memory"),
    [
        ("10de", "GH100 [H100 SXM5 80GB]", "h100", 80),
        ("10de", "GH100 [H100 PCIe]", "h100", 80),
        ("10de", "GA100 [A100 SXM4 40GB]", "a100", 40),
        ("10de", "AD102 [GeForce RTX 4090]", "rtx4090", 24),
        ("10de", "AD102GL [L40S]", "l40s", 48),
        ("10de", "TU104GL [Tesla T4]", "t4", 16),
        ("10de", "GV100GL [Tesla V100 PCIe 32GB]", "v100", 32),
        ("1002", "Aqua Vanjaram [Instinct MI300X]", "mi300x", 192),
        ("1002", "Navi 21 [Radeon RX 6800/6800 XT / 6900 XT]", "rx6800", None),
        ("8086", "Ponte Vecchio XT [Data Center GPU Max 1550]", "max1550", 128),
        ("10de", "", "10de-2330", None),
        ("1234", "QEMU Virtual Video Controller", "1234-2330", None),
    ],
)
def test_a_gpu_is_called_as_people_call_it(vendor: str, name: str, short: str, memory: int | None) -> None:
    model = model_of(gpu(vendor, "2330", name))

    assert model.short == short
    assert model.memory_mib == (memory and memory * 1024)


def test_a_part_of_a_gpu_has_not_the_memory_of_the_whole() -> None:
    assert model_of(gpu("10de", "25b6", "GA107GL [A2]", DeviceKind.VF)).memory_mib is None


def test_equal_cards_share_an_alias_and_have_flavors_for_one_two_four_and_eight(tmp_path: Path) -> None:
    NAMED["hgx-h200"](tmp_path)

    [kind] = propose(tmp_path, ROOM).kinds

    assert [flavor.name for flavor in kind.flavors] == ["gpu.h200.1", "gpu.h200.2", "gpu.h200.4", "gpu.h200.8"]
    assert json.loads(kind.alias) == {
        "name": "h200",
        "vendor_id": "10de",
        "product_id": "2335",
        "device_type": "type-PCI",
    }
    two = kind.flavors[1]
    assert (two.vcpus, two.ram_mb) == (16, 128 * 1024)
    assert two.extra_specs == {
        "pci_passthrough:alias": "h200:2",
        "gpu:count": "2",
        "gpu:vendor": "nvidia",
        "gpu:model": "H200 SXM 141GB",
        "gpu:memory_mib": str(141 * 1024),
    }


def test_all_the_flavors_of_a_machine_fit_into_it(tmp_path: Path) -> None:
    NAMED["mi300x-switches"](tmp_path)

    [kind] = propose(tmp_path, ROOM).kinds

    whole = len(kind.cards)
    assert kind.flavors[0].vcpus * whole <= ROOM.vcpus
    assert kind.flavors[0].ram_mb * whole <= ROOM.ram_mb


@pytest.mark.parametrize("machine", ["no-iommu", "framebuffer-in-bar", "apu-bad-group"])
def test_a_card_that_is_not_ready_is_not_offered(tmp_path: Path, machine: str) -> None:
    NAMED[machine](tmp_path)

    proposal = propose(tmp_path, ROOM)

    assert proposal.kinds == ()
    assert all(verdict.words for verdict in proposal.left_out)
    assert proposal.left_out


def test_a_ready_card_beside_one_that_is_not_is_offered_by_its_address(tmp_path: Path) -> None:
    NAMED["a2-and-a16"](tmp_path)

    proposal = propose(tmp_path, ROOM)

    assert {kind.name for kind in proposal.kinds} == {"a2-pf", "a2-vf"}
    assert [spec for kind in proposal.kinds for spec in kind.device_specs if "address" not in spec] == []
    assert [verdict.card for verdict in proposal.left_out] == ["0000:08:00"]


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    made = build_control(add_tables_of(read_config(None, state_path=tmp_path / "state")))
    ensure_admin(made)
    yield made
    made.db.close()


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    root = tmp_path / "machine"
    root.mkdir()
    healthy(root)
    return root


def test_the_first_start_offers_what_is_ready_and_says_how_to_go_on(control: Control, machine: Path) -> None:
    proposal = set_up_once(control, operator(control), machine)

    assert proposal is not None
    assert [view.name for view in aliases.list_aliases(control, ADMIN)[0]] == ["rtxa5000"]
    assert [view.in_force for view in device_specs.list_device_specs(control, ADMIN)[0]] == [True]
    flavor = flavors.get_flavor(control, ADMIN, "gpu.rtxa5000.1")
    assert flavor.extra_specs["pci_passthrough:alias"] == "rtxa5000:1"
    lines = "\n".join(next_steps(proposal, "http://127.0.0.1:8774", control.state / "clouds.yaml"))
    assert "busway server create first --gpu rtxa5000 " in lines
    assert "The web console: http://127.0.0.1:8774/ui" in lines
    assert lines.index("--dst-port 22 default") < lines.index("busway server ssh first")


def test_what_the_first_start_made_is_in_the_audit(control: Control, machine: Path) -> None:
    set_up_once(control, operator(control), machine)

    with control.db.read() as tx:
        operations = {record.operation for record in list_records(tx, AuditFilter())}
    assert {
        "busway:aliases:create",
        "busway:device-specs:create",
        "os_compute_api:os-flavor-manage:create",
    } <= operations


def test_a_cloud_that_has_a_host_or_rules_of_its_own_is_left_alone(control: Control, machine: Path) -> None:
    joining.create_host(control, ADMIN, "h1")

    assert set_up_once(control, operator(control), machine) is None
    assert aliases.list_aliases(control, ADMIN)[0] == []


def test_rules_of_the_file_are_enough_to_be_left_alone(tmp_path: Path, machine: Path) -> None:
    path = tmp_path / "busway.conf"
    path.write_text('[pci]\nalias = {"name": "mine", "vendor_id": "10de", "product_id": "2231"}\n')
    made = build_control(read_config(path, state_path=tmp_path / "state"))

    assert set_up_once(made, ADMIN, machine) is None
    made.db.close()


def test_a_machine_with_nothing_ready_says_why(control: Control, machine: Path) -> None:
    BROKEN["iommu-off"](Machine(machine))
    proposal = set_up_once(control, operator(control), machine)
    assert proposal is not None

    lines = "\n".join(next_steps(proposal, "http://x", Path("/s/clouds.yaml")))

    assert "Not offered: 0000:41:00 " in lines
    assert "busway doctor" in lines
    assert "--flavor m1.small" in lines


def test_done_twice_nothing_new_is_made(control: Control, machine: Path) -> None:
    proposal, cloud = propose(machine, ROOM), OwnCloud(control, ADMIN)

    first = list(apply_proposal(proposal, cloud))
    second = list(apply_proposal(proposal, cloud))

    assert all(line.startswith("made: ") for line in first)
    assert all(line.startswith("there already: ") for line in second)
    assert len(flavors.list_flavors(control, ADMIN, None)) == len(flavors.DEFAULT_FLAVORS) + 1
