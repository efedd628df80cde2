"""The types of mediated devices in a configuration, as an existing nova.conf says them."""

from pathlib import Path

import pytest

from busway.bootstrap.config import read_config
from busway.bootstrap.config_check import check_config
from busway.domain.errors import InvalidConfig
from busway.domain.mdev import MdevRule


def write(folder: Path, text: str) -> Path:
    path = folder / "nova.conf"
    path.write_text(text)
    return path


def test_novas_own_words_are_read(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """[devices]
enabled_mdev_types = nvidia-35, i915-GVTg_V5_4,mtty-2
[mdev_nvidia-35]
device_addresses = 0000:84:00.0,
    0000:85:00.0
max_instances = 3
[vgpu_i915-GVTg_V5_4]
device_addresses = 0000:00:02.0
[mdev_mtty-2]
mdev_class = CUSTOM_MTTY
[mdev_nvidia-99]
device_addresses = 0000:99:00.0
""",
    )

    rules = read_config(path).settings.mdev_rules.rules

    assert rules == (
        MdevRule("nvidia-35", ("0000:84:00.0", "0000:85:00.0"), max_instances=3),
        MdevRule("i915-GVTg_V5_4", ("0000:00:02.0",)),
        MdevRule("mtty-2", resource_class="CUSTOM_MTTY"),
    )
    assert check_config(path).errors == ()
    assert [entry.option for entry in check_config(path).ignored] == []


def test_the_old_name_of_the_option_counts(tmp_path: Path) -> None:
    path = write(tmp_path, "[devices]\nenabled_vgpu_types = nvidia-35\n")

    assert [rule.type_id for rule in read_config(path).settings.mdev_rules.rules] == ["nvidia-35"]
    assert [warning.code for warning in check_config(path).warnings] == ["old-name"]


@pytest.mark.parametrize(
    ("group", "line"),
    [
        ("device_addresses = 0000:84:00.0\n[mdev_nvidia-36]\ndevice_addresses = 0000:84:00.0", 2),
        ("", 2),
        ("mdev_class = GPU\n[mdev_nvidia-36]\ndevice_addresses = 0000:84:00.0", 2),
        ("max_instances = many\n[mdev_nvidia-36]\ndevice_addresses = 0000:84:00.0", 4),
        ("max_instance = 1\n[mdev_nvidia-36]\ndevice_addresses = 0000:84:00.0", 4),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, group: str, line: int) -> None:
    path = write(tmp_path, f"[devices]\nenabled_mdev_types = nvidia-35,nvidia-36\n[mdev_nvidia-35]\n{group}\n")

    with pytest.raises(InvalidConfig, match=f"line {line}") as caught:
        read_config(path)
    assert (caught.value.code, bool(caught.value.remedy)) == ("invalid-mdev-types", True)


def test_one_card_may_have_two_types_where_each_has_a_class(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """[devices]
enabled_mdev_types = nvidia-1155, nvidia-1158
[mdev_nvidia-1155]
device_addresses = 0000:41:00.0
mdev_class = CUSTOM_L40S_12Q
[mdev_nvidia-1158]
device_addresses = 0000:41:00.0
mdev_class = CUSTOM_L40S_24Q
""",
    )

    assert [rule.resource_class for rule in read_config(path).settings.mdev_rules.rules] == [
        "CUSTOM_L40S_12Q", "CUSTOM_L40S_24Q",
    ]  # fmt: skip
