"""Tables fit a terminal of 80 columns: short columns stay whole, and what is left out is told."""

from hypothesis import given
from hypothesis import strategies as st

from busway.cli.narrow import BETWEEN, narrowed

DEVICE = (
    "gpu-01",
    "0000:41:00.0",
    "3D controller: NVIDIA Corporation GA100 [A100 PCIe 80GB] [10de:20b5]",
    "type-PCI",
    "10",
    "vfio-pci",
    "allocated",
    "trainer-0",
)
COLUMNS = ("HOST", "ADDRESS", "DEVICE", "KIND", "GROUP", "DRIVER", "STATUS", "SERVER")


def test_what_fits_stays_as_it_is() -> None:
    found = narrowed(COLUMNS, [DEVICE], 200, ("KIND",))

    assert (found.columns, found.rows, found.left_out) == (COLUMNS, [DEVICE], ())


def test_a_narrow_table_is_shortened_then_left_out_then_folded() -> None:
    found = narrowed(COLUMNS, [DEVICE], 80, ("KIND", "GROUP", "DRIVER"))

    assert found.left_out == ("KIND", "GROUP")
    assert found.rows[0][:2] == ["gpu-01", "41:00.0"]
    widths = dict(zip(found.columns, found.widths, strict=True))
    assert widths.pop("DEVICE") >= 20
    assert widths == {"HOST": 6, "ADDRESS": 7, "DRIVER": 8, "STATUS": 9, "SERVER": 9}


def test_times_and_ids_are_short_in_a_narrow_table() -> None:
    row = ("2026-11-29T14:15:25.865288Z", "e47c410a-cb90-45de-b55a-d6ce320b5034", "x" * 60)

    assert narrowed(("TIME", "SERVER", "WHY"), [row], 80).rows == [["11-29 14:15:25", "e47c410a", "x" * 60]]


@given(st.lists(st.lists(st.text("ab \n", max_size=90), min_size=4, max_size=4), min_size=1), st.integers(40, 200))
def test_no_table_is_wider_than_its_terminal(rows: list[list[str]], width: int) -> None:
    found = narrowed(("A", "B", "C", "D"), rows, width, ("B", "C"))

    assert sum(found.widths) + BETWEEN * (len(found.widths) - 1) + 2 <= width
    assert {len(row) for row in found.rows} == {len(found.columns)}
