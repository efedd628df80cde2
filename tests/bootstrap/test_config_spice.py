"""The section `[spice]`: links to consoles, and what is the hosts' to say."""

from pathlib import Path

import pytest

from busway.bootstrap.config import read_config
from busway.domain.errors import InvalidConfig


def config(folder: Path, *lines: str) -> Path:
    path = folder / "busway.conf"
    path.write_text("\n".join(["[spice]", *lines]))
    return path


def test_links_are_given_out_where_it_is_enabled(tmp_path: Path) -> None:
    assert read_config(config(tmp_path)).settings.spice_proxy_url == ""
    assert read_config(config(tmp_path, "enabled = true")).settings.spice_proxy_url == "http://127.0.0.1:13002/nova"
    named = config(tmp_path, "enabled = true", "spice_direct_proxy_base_url = https://spice.example.org/nova")
    assert read_config(named).settings.spice_proxy_url == "https://spice.example.org/nova"


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("require_secure = true", "--spice-tls"),
        ("server_listen = 0.0.0.0", "--spice-listen"),
        ("html5proxy_base_url = http://192.0.2.1/", "spice-html5"),
        ("agent_enabled = false", "always has"),
        ("image_compression = glz", "QEMU"),
    ],
)
def test_what_hosts_would_not_do_is_an_error_where_it_is_enabled(tmp_path: Path, line: str, remedy: str) -> None:
    assert read_config(config(tmp_path, line)).settings.spice_proxy_url == ""

    with pytest.raises(InvalidConfig) as caught:
        read_config(config(tmp_path, "enabled = true", line))

    assert (caught.value.code, remedy in caught.value.remedy, "line 3" in caught.value.brief) == (
        "spice-option",
        True,
        True,
    )


def test_an_address_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="spice_direct_proxy_base_url"):
        read_config(config(tmp_path, "enabled = true", "spice_direct_proxy_base_url = spice.example.org"))
