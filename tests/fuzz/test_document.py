"""The OpenAPI document that is checked in is the one that is served."""

from __future__ import annotations

from pathlib import Path

import pytest

from busway.api import openapi
from busway.testing.golden import Golden

pytestmark = [pytest.mark.fuzz, pytest.mark.processes]
FOLDER = Path(__file__).parents[2] / "docs" / "reference"


def test_the_document_is_checked_in() -> None:
    """`make openapi` writes it anew."""
    Golden(FOLDER).check("openapi.json", openapi.text().decode())
