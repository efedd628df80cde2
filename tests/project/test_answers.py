"""Every operation says what it answers."""

from tests.api.answers import without_schema


def test_every_operation_that_answers_with_a_body_has_its_schema() -> None:
    """Give the `Operation` an `answer`: a shape of `api/answer.py`, as the others of its service have it."""
    assert without_schema() == []
