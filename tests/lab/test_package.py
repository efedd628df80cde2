from __future__ import annotations

import pytest

from busway.lab.errors import LabUnprepared
from busway.lab.package import check_installed


def test_all_missing_programs_are_named_at_once_with_the_command_that_installs_them() -> None:
    needed = {"sh": "dash", "no-such-one": "package-b", "/no/such/file": "package-a", "no-such-two": "package-b"}

    with pytest.raises(LabUnprepared) as caught:
        check_installed(needed)

    assert "3 programs" in caught.value.brief
    for name in ("no-such-one", "/no/such/file", "no-such-two"):
        assert name in caught.value.detail
    assert caught.value.remedy == "apt-get install --no-install-recommends package-a package-b"


def test_nothing_missing_is_no_error() -> None:
    check_installed({"sh": "dash", "/bin/sh": "dash"})
