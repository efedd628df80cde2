"""`busway up` adds its own host: its rights are those of the whole system, which has no project."""

from busway.bootstrap.up import _SELF
from busway.policy import authorize


def test_busway_up_may_add_its_own_host() -> None:
    authorize(_SELF, "busway:hosts:create")
