"""`busway config check`: all errors and warnings of a file at once, and what it leaves alone."""

import json
from pathlib import Path

from click.testing import CliRunner

from busway.bootstrap.config_check import ConfigReport, check_config
from busway.cli.main import main
from busway.domain.address import PciAddress
from busway.domain.device import DeviceKind, PciDevice

NOVA = """\
[DEFAULT]
my_ip = 10.0.0.1
pci_alias = {"vendor_id": "10de", "product_id": "2330", "name": "h100"}
reserved_host_memory_mb = 1
reserved_host_memory_mb = 2

[neutron]
service_metadata_proxy = true

[pci]
report_in_placement = false
device_spec = {"vendor_id": "10de", "productid": "2330"}
device_spec = {"vendor_id": "10de",
               "product_id": "2330", "managed": "no"}
devicespec = {}
[compute]
device_spec = {}
[database]
connection = mysql+pymysql://nova:secret@db/nova
"""


def check(folder: Path, text: str, devices: list[PciDevice] | None = None) -> ConfigReport:
    path = folder / "nova.conf"
    path.write_text(text, encoding="utf-8")
    return check_config(path, devices)


def test_a_nova_conf_is_read_as_it_stands(tmp_path: Path) -> None:
    report = check(tmp_path, NOVA)
    assert report.errors == ()
    assert (report.aliases, report.device_specs) == (("h100",), 2)
    assert [(warning.line, warning.code) for warning in report.warnings] == [
        (3, "old-name"),
        (5, "repeated-option"),
        (12, "device-spec-unknown-key"),
        (13, "device-spec-shadowed"),
        (15, "unknown-pci-option"),
        (17, "misplaced-option"),
        (19, "database-ignored"),
    ]
    assert all(warning.meaning and warning.remedy for warning in report.warnings)


def test_what_means_nothing_here_is_listed_once(tmp_path: Path) -> None:
    ignored = [(entry.section, entry.key, entry.line) for entry in check(tmp_path, NOVA).ignored]
    assert ignored == [
        ("DEFAULT", "my_ip", 2),
        ("neutron", "service_metadata_proxy", 8),
        ("pci", "report_in_placement", 11),
        ("pci", "devicespec", 15),
        ("compute", "device_spec", 17),
    ]


def test_the_password_of_a_database_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "nova.conf"
    path.write_text(NOVA, encoding="utf-8")
    assert "secret" not in CliRunner().invoke(main, ["config", "check", str(path)]).output


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    text = '[pci]\nalias = {}\ndevice_spec = {"vendor_id": 10}\ndevice_spec = {}\n[busway]\nprot = 1\nport = x\n'
    report = check(tmp_path, text)
    assert [(fault.line, fault.error.code) for fault in report.errors] == [
        (2, "invalid-alias"),
        (3, "invalid-device-spec"),
        (6, "unknown-option"),
        (7, "invalid-config"),
    ]
    assert [warning.code for warning in report.warnings] == ["device-spec-matches-all"]


def test_a_file_of_another_format_has_one_error_with_its_line(tmp_path: Path) -> None:
    report = check(tmp_path, "[pci]\nalias\n")
    assert [(fault.line, fault.error.code) for fault in report.errors] == [(2, "invalid-config")]


def test_devices_tell_what_an_alias_lacks(tmp_path: Path) -> None:
    card = PciDevice(PciAddress("0000:81:00.0"), "10de", "2330", "030200", kind=DeviceKind.PF)
    text = (
        '[pci]\nalias = {"vendor_id": "10de", "product_id": "2330", "name": "h"}\ndevice_spec = {"vendor_id": "10de"}\n'
    )
    assert check(tmp_path, text).warnings == ()
    assert [(w.line, w.code) for w in check(tmp_path, text, [card]).warnings] == [(2, "alias-needs-type-pf")]


def test_the_command_prints_line_meaning_and_remedy_and_ends_with_1_for_an_error(tmp_path: Path) -> None:
    path = tmp_path / "busway.conf"
    path.write_text("[pci]\nalias = {}\ndevice_spec = {}\n[oslo]\nx = 1\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["config", "check", str(path)])
    assert result.exit_code == 1
    assert "Error, line 2: [pci] alias" in result.output
    assert "Warning, line 3: [pci] device_spec" in result.output
    assert "[oslo] x (line 5)" in result.output
    assert result.output.count("What to do: ") == 2
    assert "1 error, 1 warning, 1 option ignored, 0 aliases, 1 device spec." in result.output


def test_the_command_prints_json_and_ends_with_0_for_warnings(tmp_path: Path) -> None:
    path = tmp_path / "busway.conf"
    path.write_text("[pci]\ndevice_spec = {}\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["config", "check", str(path), "--json"])
    answer = json.loads(result.output)
    assert (result.exit_code, answer["errors"], answer["device_specs"]) == (0, [], 1)
    assert [sorted(one) for one in answer["warnings"]] == [["code", "line", "meaning", "option", "remedy"]]
