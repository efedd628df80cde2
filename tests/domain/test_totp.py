"""Passcodes, by the test vectors of RFC 6238."""

from datetime import UTC, datetime

import pytest

from busway.domain.errors import BadInput
from busway.domain.totp import find_step, passcode, read_secret, step_of

SECRET = b"12345678901234567890"


# RFC 6238, appendix B, SHA-1: the last six of its eight digits.
@pytest.mark.parametrize(
    ("second", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_passcodes_are_those_of_the_standard(second: int, code: str) -> None:
    assert passcode(SECRET, step_of(datetime.fromtimestamp(second, UTC))) == code


def test_a_passcode_holds_in_its_step_and_the_next_one() -> None:
    code = passcode(SECRET, 100)
    found = [find_step(SECRET, code, datetime.fromtimestamp(30 * step, UTC)) for step in (99, 100, 101, 102)]

    assert found == [None, 100, 100, None]
    assert find_step(SECRET, "é" * 6, datetime.fromtimestamp(3000, UTC)) is None


def test_a_secret_is_base32_with_or_without_its_padding() -> None:
    assert read_secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ") == SECRET
    assert read_secret("GEZDGNBVGY3TQOJQGEZDGNBVGY") == read_secret("GEZDGNBVGY3TQOJQGEZDGNBVGY======") == SECRET[:16]


@pytest.mark.parametrize("blob", ["GEZDGNBVGY3TQOJQ", "no secret", "1234567890123456789012345678", "é" * 40])
def test_what_is_no_secret_is_refused(blob: str) -> None:
    with pytest.raises(BadInput, match="no secret"):
        read_secret(blob)
