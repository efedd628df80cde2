import re
from pathlib import Path

import busway
from busway.reconciler.steps import STEPS

SOURCE = Path(busway.__file__).parent
DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "explanation/agent.md").read_text()
ERRORS = (DOCS / "reference/errors.md").read_text()


def test_every_error_code_of_the_agent_is_explained() -> None:
    folders = ("agent", "hardware", "hypervisor")
    text = "".join(path.read_text() for folder in folders for path in (SOURCE / folder).rglob("*.py"))
    codes = set(re.findall(r'code="([a-z-]+)"', text))

    assert {code for code in codes if f"`{code}`" not in PAGE and f"| `{code}` |" not in ERRORS} == set()


def test_every_step_is_explained() -> None:
    assert [step.__name__ for step in STEPS if step.__name__ not in PAGE] == []
