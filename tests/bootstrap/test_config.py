"""Reading busway.conf or a nova.conf: values, old names, and errors with file and line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.bootstrap.config import read_config
from busway.bootstrap.config_source import read_source
from busway.domain.errors import BuswayError, InvalidAlias, InvalidConfig, InvalidDeviceSpec

ALIAS = '{"vendor_id": "10de", "product_id": "2330", "name": "%s"}'


def write(folder: Path, text: str) -> Path:
    path = folder / "busway.conf"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    config = read_config(None, state_path=tmp_path)
    assert config.database == f"sqlite:///{tmp_path / 'busway.db'}"
    assert config.settings.public_url == "http://127.0.0.1:8774"
    assert config.settings.aliases == {}


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "[busway]\nport = 9000\nregion = North\n")
    config = read_config(path, port=9001, listen=None)
    assert (config.port, config.settings.region, config.listen) == (9001, "North", "127.0.0.1")


def test_all_names_of_an_option_are_read_the_oldest_first(tmp_path: Path) -> None:
    text = (
        '[pci]\ndevice_spec = {"product_id": "3"}\npassthrough_whitelist = {"product_id": "2"}\n'
        '[DEFAULT]\npci_passthrough_whitelist = {"product_id": "1"}\npci_alias = ' + ALIAS % "old" + "\n"
        "[PCI]\nalias = " + ALIAS % "new" + '\ndevice_spec = {"product_id": "4"}\n'
    )
    settings = read_config(write(tmp_path, text)).settings
    assert [spec.product_id for spec in settings.device_specs.specs] == ["0001", "0002", "0003", "0004"]
    assert list(settings.aliases) == ["old", "new"]


def test_a_value_may_go_on_over_indented_lines_and_be_quoted(tmp_path: Path) -> None:
    text = (
        '[pci]\nalias = {"vendor_id": "10de",\n   "product_id": "2330",\n\t"name": "a"}\nalias = \''
        + ALIAS % "b"
        + "'\n"
    )
    assert list(read_config(write(tmp_path, text)).settings.aliases) == ["a", "b"]


def test_class_and_traits_count_when_placement_is_on(tmp_path: Path) -> None:
    text = '[filter_scheduler]\npci_in_placement = true\n[pci]\nalias = {"name": "a", "resource_class": "x"}\n'
    settings = read_config(write(tmp_path, text)).settings
    assert settings.aliases["a"].specs[0].resource_class == "CUSTOM_X"
    assert settings.pci_in_placement


@pytest.mark.parametrize("url", ["mysql+pymysql://nova:secret@db/nova", "mongodb://x"])
def test_a_database_of_nova_is_left_aside(tmp_path: Path, url: str) -> None:
    config = read_config(write(tmp_path, f"[database]\nconnection = {url}\n"), state_path=tmp_path)
    assert config.database.startswith("sqlite:///")


@pytest.mark.parametrize("url", ["postgresql://busway@/db", "postgresql+psycopg://busway@/db", "sqlite:////tmp/x.db"])
def test_a_database_of_ours_is_taken(tmp_path: Path, url: str) -> None:
    assert read_config(write(tmp_path, f"[database]\nconnection = {url}\n")).database == url


@pytest.mark.parametrize(
    ("text", "line", "kind", "words"),
    [
        ("[pci]\n\n# x\nalias = {\n", 4, InvalidAlias, "not JSON"),
        (f"[pci]\nalias = {ALIAS % 'a'}\nalias = {{}}\nalias = {ALIAS % 'b'}\n", 3, InvalidAlias, "'name'"),
        ("[pci]\nalias = {}\nalias = {}\n", 2, InvalidAlias, "'name'"),
        ("[pci]\ndevice_spec = {\n  }\ndevice_spec = [{},\n  {},\n  5]\n", 4, InvalidDeviceSpec, "not a number"),
        ("[pci]\ndevice_spec = {}\npassthrough_whitelist = x\n", 3, InvalidDeviceSpec, "not JSON"),
        ("[DEFAULT]\npci_passthrough_whitelist = x\n", 2, InvalidDeviceSpec, "not JSON"),
        ("[pci]\ndevice_spec = {}\ndevice_spec = {\"address\": \"$foo\"}\n", 3, InvalidConfig, "no such option foo"),
        ("[busway]\nlisten = ::1\nprot = 1\n", 3, InvalidConfig, "no option prot"),
        ("[busway]\nport = x\n", 2, InvalidConfig, "[busway] port"),
        ("[DEFAULT]\ncpu_allocation_ratio = -1\n", 2, InvalidConfig, "cpu_allocation_ratio"),
        *(
            (f"[DEFAULT]\nhashing_algorithm = {name}\n", 2, InvalidConfig, f"[DEFAULT] hashing_algorithm: {why}")
            for name, why in [("md5", "md5 is too weak"), ("sha1", "sha1 is too weak"), ("sha9", "there is no sha9"), ("shake_128", "the length")]
        ),
        ("[pci]\nalias\n", 2, InvalidConfig, "No ':' or '='"),
        ("alias = 1\n[pci]\n", 1, InvalidConfig, "before any [section]"),
        ("[pci\n", 1, InvalidConfig, "must end with ]"),
    ],
)  # fmt: skip
def test_an_error_names_file_and_line(
    tmp_path: Path, text: str, line: int, kind: type[BuswayError], words: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(kind) as caught:
        read_config(path)
    assert caught.value.brief.startswith(f"{path}, line {line}: ")
    assert words in caught.value.brief
    assert caught.value.remedy


def test_a_repeated_name_that_disagrees_is_told_with_the_later_line(tmp_path: Path) -> None:
    other = (ALIAS % "a")[:-1] + ', "device_type": "type-PF"}'
    text = f"[pci]\nalias = {ALIAS % 'a'}\nalias = {other}\n"
    with pytest.raises(InvalidAlias, match=r"line 3: .*Device type mismatch for alias a"):
        read_config(write(tmp_path, text))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="can't be read"):
        read_config(tmp_path / "none.conf")


line_texts = st.sampled_from(
    (
        "[pci]",
        "[DEFAULT]",
        "# alias = x",
        "",
        "alias = {",
        '  "a": 1}',
        "alias : 'x'",
        "alias = x",
        "my_ip = 1",
        "  more",
    )
)


@given(st.lists(line_texts, max_size=12))
def test_an_entry_begins_on_the_line_that_it_names(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("conf") / "busway.conf"
    path.write_text("\n".join(lines), encoding="utf-8")
    try:
        entries = read_source(path).entries
    except InvalidConfig:
        return
    for entry in entries:
        first = lines[entry.line - 1]
        assert first.startswith(entry.key)
        assert entry.text.split("\n")[0].strip("'") in first
    assert [entry.line for entry in entries] == sorted({entry.line for entry in entries})
