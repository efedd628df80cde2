import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import InvalidConfig
from busway.domain.sriov_layout import SriovLayout, parse_layout


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("0000:81:00.0=4", SriovLayout(PciAddress("0000:81:00.0"), 4)),
        ("0000:81:00.0=0", SriovLayout(PciAddress("0000:81:00.0"), 0)),
        (" 10000:81:00.0=65535,vfio-pci ", SriovLayout(PciAddress("10000:81:00.0"), 65535, "vfio-pci")),
    ],
)
def test_a_layout_is_read(text: str, layout: SriovLayout) -> None:
    assert parse_layout(text) == layout


@pytest.mark.parametrize(
    "text", ["", "0000:81:00.0", "81=4", "0000:81:00.0=-1", "0000:81:00.0=65536", "x=4,", "0000:81:00.0=4,a/b"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidConfig, match=r"0000:81:00\.0=4,vfio-pci") as caught:
        parse_layout(text)
    assert caught.value.code == "invalid-vfs"
