"""Names that are like a text, on both databases."""

import pytest

from busway.domain.identity import Role
from busway.store.database import Database
from busway.store.filtered_list import Likeness
from busway.store.roles import add_role, list_roles

NAMES = ("Ab_1%", "xab[1*", "É", "é")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Likeness("ab"), {"xab[1*"}),
        (Likeness("AB", any_case=True), {"Ab_1%", "xab[1*"}),
        (Likeness("AB", begins=True, any_case=True), {"Ab_1%"}),
        (Likeness("_1%", ends=True), {"Ab_1%"}),
        (Likeness("[1*", ends=True), {"xab[1*"}),
        (Likeness("b_1"), {"Ab_1%"}),
        (Likeness("É"), {"É"}),
    ],
)
def test_a_name_is_found_by_a_part(database: Database, wanted: Likeness, found: set[str]) -> None:
    with database.write() as tx:
        for name in NAMES:
            add_role(tx, Role(name, name))

        assert {role.name for role in list_roles(tx, like=(wanted,))} == found


def test_a_letter_beyond_ascii_in_any_case_is_found_as_it_was_written(database: Database) -> None:
    with database.write() as tx:
        for name in NAMES:
            add_role(tx, Role(name, name))

        found = {role.name for role in list_roles(tx, like=(Likeness("É", any_case=True),))}

    assert "É" in found
