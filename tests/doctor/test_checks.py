"""Each check finds its fault first, finds nothing on a healthy host, and has its page."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from busway.doctor import Severity, Wish, examine
from busway.doctor.check import Check
from busway.doctor.checks import CHECKS
from tests.doctor.hosts import BROKEN, DEVICE, INSIDE, MEMORY, healthy, healthy_amd, iommu_of

ROOT = Path(__file__).parents[2]
CODES = [check.code for check in CHECKS]


def test_codes_are_unique_and_every_check_has_a_broken_host() -> None:
    assert len(set(CODES)) == len(CODES)
    assert sorted(BROKEN) == sorted(CODES)


@pytest.mark.parametrize("code", CODES)
def test_the_first_finding_is_the_injected_fault(tmp_path: Path, code: str) -> None:
    machine = healthy(tmp_path)
    BROKEN[code](machine)

    report = examine(tmp_path, DEVICE.get(code), wish=Wish(MEMORY.get(code)), inside=code in INSIDE)

    assert [finding.code for finding in report.findings][:1] == [code]


@pytest.mark.parametrize("code", CODES)
def test_every_finding_has_evidence_cause_and_remedy(tmp_path: Path, code: str) -> None:
    machine = healthy(tmp_path)
    BROKEN[code](machine)

    first = examine(tmp_path, DEVICE.get(code), wish=Wish(MEMORY.get(code)), inside=code in INSIDE).findings[0]

    assert first.brief and first.cause and first.remedy.strip().endswith((".", ")"))
    assert first.evidence
    assert all(one.file.startswith("/") and one.text for one in first.evidence)
    assert str(tmp_path) not in repr(first)


@pytest.mark.parametrize("host", [healthy, healthy_amd])
def test_a_healthy_host_has_no_finding_and_is_ready(tmp_path: Path, host: Callable[[Path], object]) -> None:
    host(tmp_path)

    report = examine(tmp_path)

    assert report.findings == ()
    assert [(one.card, one.words) for one in report.verdicts] == [("0000:41:00", "ready")]


@pytest.mark.parametrize("code", CODES)
def test_every_check_has_its_page(code: str) -> None:
    folder = ROOT / "docs/reference/checks"
    page = (folder / f"{code}.md").read_text()

    assert page.startswith(f"# {code}\n")
    assert f"[`{code}`]({code}.md)" in (folder / "index.md").read_text()


@pytest.mark.parametrize("check", CHECKS, ids=CODES)
def test_every_page_has_the_title_stage_and_severity_of_its_check(check: Check) -> None:
    folder = ROOT / "docs/reference/checks"
    row = next(
        line for line in (folder / "index.md").read_text().splitlines() if line.startswith(f"| [`{check.code}`]")
    )

    stated = f"{check.title}. Stage: {check.stage}. Severity: {check.severity}"
    assert stated in (folder / f"{check.code}.md").read_text()
    assert f"| {check.title}" in row and row.endswith(f"| {check.severity} |")


def test_no_page_is_left_of_a_check_that_is_gone() -> None:
    pages = {path.stem for path in (ROOT / "docs/reference/checks").glob("*.md")} - {"index"}

    assert pages == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_fault_that_blocks_is_in_the_verdict_and_another_is_not(tmp_path: Path, code: str) -> None:
    machine = healthy(tmp_path)
    BROKEN[code](machine)

    report = examine(tmp_path, DEVICE.get(code), wish=Wish(MEMORY.get(code)), inside=code in INSIDE)
    first, words = report.findings[0], report.verdicts[0].words

    if first.aside:
        assert words == first.aside
    elif first.severity is not Severity.BLOCKS:
        assert "ready" in words
    elif first.after:
        assert first.after in words or words.startswith("cannot, because ")
    else:
        assert first.brief.lower() in words.lower()
        assert "because The " not in words


def test_every_obstacle_of_a_verb_is_in_the_reference_of_errors() -> None:
    errors = (ROOT / "docs/reference/errors.md").read_text()
    codes = {
        str(node.args[0].value)
        for path in sorted((ROOT / "src/busway/hardware/verbs").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Obstacle"
        if isinstance(node.args[0], ast.Constant)
    }

    assert len(codes) > 10
    assert [code for code in sorted(codes) if f"| `{code}` |" not in errors] == []


@pytest.mark.parametrize(
    ("capability", "cpu_bits", "told"),
    [
        ("d2008c40660462", 39, ""),  # MGAW 39, as wide as the CPU
        ("d2078c106f0466", 46, ""),  # MGAW 48
        ("d2008c40660462", 46, "39 address bits, and the CPU has 46"),
        ("d2078c106f0266", 46, "39 address bits, and the CPU has 46"),  # MGAW 48, and page tables of three levels only
        ("0", 46, ""),
        ("no number", 46, ""),
    ],
)
def test_an_iommu_is_compared_with_its_cpu(tmp_path: Path, capability: str, cpu_bits: int, told: str) -> None:
    iommu_of(healthy(tmp_path), capability, cpu_bits)

    found = [finding.brief for finding in examine(tmp_path).findings if finding.code == "iommu-width"]

    assert [told in brief for brief in found] == ([True] if told else [])
