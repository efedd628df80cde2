"""The operator's rules for passwords: their form, how soon they may change, and when they expire."""

from datetime import UTC, datetime, timedelta

import pytest

from busway.domain.errors import BadInput
from busway.domain.password_rules import PasswordRules

NOW = datetime(2026, 1, 10, tzinfo=UTC)


def test_a_password_must_match_the_pattern_if_there_is_one() -> None:
    PasswordRules().check_form("x")
    rules = PasswordRules(pattern=r"^(?=.*\d).{8,}$", description="Eight characters and a digit.")
    rules.check_form("longer than 8")
    with pytest.raises(BadInput, match="requirements") as refused:
        rules.check_form("short")
    assert (refused.value.code, refused.value.detail) == ("password-form", "Eight characters and a digit.")


def test_a_password_that_is_too_young_is_not_changed_by_its_user() -> None:
    rules = PasswordRules(least_days=2)
    for changed in (None, NOW - timedelta(days=2)):
        rules.check_age(changed, NOW)
    PasswordRules().check_age(NOW, NOW)
    with pytest.raises(BadInput, match="can't be changed yet") as refused:
        rules.check_age(NOW - timedelta(days=1), NOW)
    assert "2026-01-11" in refused.value.detail


def test_a_password_expires_by_its_age_unless_its_user_is_exempt() -> None:
    rules = PasswordRules(most_days=30)
    assert rules.expires(NOW) == NOW + timedelta(days=30)
    assert (rules.expires(None), rules.expires(NOW, exempt=True), PasswordRules().expires(NOW)) == (None, None, None)
