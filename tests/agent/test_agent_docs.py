import re
from pathlib import Path

import busway
from busway.reconciler.steps import Step

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
    names = {kind.__name__ for base in Step.__subclasses__() for kind in [base, *base.__subclasses__()]}

    assert {name for name in names if not name.startswith("_") and name not in PAGE} == set()
