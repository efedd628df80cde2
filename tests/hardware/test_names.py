"""Names: the machine's own list first, then the package's, which knows the GPUs of today."""

import gzip
from pathlib import Path

import pytest

from busway.hardware import Machine
from busway.hardware.names import MORE, OWN, NameList
from busway.testing.machines import Machine as Invented

# Data-centre and workstation GPUs of 2022 to 2026.
TODAY = {
    "10de": "20b0 20b2 20b5 20b7 20f1 2230 2231 2232 2233 2235 2236 2237 2238 25b6 2321 2322 2324 2329 2330 2331 2335 233b 2342 "
    "26b1 26b2 26b3 26b5 26b9 27b0 27b1 27b2 27b8 2900 2901 2941 3182 31c2 2bb1 2bb3 2bb4 2bb5 2e12 2b85",
    "1002": "738c 7408 740c 740f 7448 7449 744a 74a0 74a1 74a2 74a5 74a8 74a9 74b5 74b6 74b9 74bd 75a0 75a3 75b0 75b3 7550 7551",
    "8086": "0bd0 0bd5 0bda 0bdb 56c0 56c1 56c2 e20b e211 e212",
}


@pytest.mark.parametrize("vendor", TODAY)
def test_the_package_names_the_gpus_of_today(vendor: str) -> None:
    names = {product: OWN.names(vendor, product, "030200", "", "").product for product in TODAY[vendor].split()}

    assert [product for product, name in names.items() if not name] == []


def test_a_card_that_the_machines_list_does_not_know_gets_its_name_from_the_package(tmp_path: Path) -> None:
    machine = Invented(tmp_path)
    machine.write(
        "usr/share/misc/pci.ids", "10de  NVIDIA\n\t1db1  an old card\nC 03  Display controller\n\t02  3D controller\n"
    )
    machine.function("0000:41:00.0", "10de:20b5", "030200", group=1)
    machine.function("0000:42:00.0", "10de:1db1", "030200", group=2)

    new, old = (function.names for function in Machine.read(tmp_path))

    assert (new.vendor, new.product) == ("NVIDIA", "GA100 [A100 PCIe 80GB]")
    assert old.product == "an old card"


def test_the_list_says_its_date_and_its_licence_lies_beside_it() -> None:
    head = gzip.decompress(Path(OWN.path).read_bytes())[:300].decode()
    licence = Path(OWN.path).with_name("pci.ids.licence").read_text()

    assert "Date:    2026" in head
    assert "Redistribution and use" in licence and "2026" in licence
    assert Path(MORE.path).read_text().startswith("# ")
    assert NameList.find(Path("/nowhere")) is not None
