"""Templates of endpoints' URLs: placeholders that exist are filled in, others are refused."""

import pytest

from busway.domain.errors import BadInput
from busway.domain.service_catalog import check_url, filled


@pytest.mark.parametrize("url", ["https://x/", "$(public_endpoint)s/image", "%(project_id)s/$(user_id)s"])
def test_a_url_may_have_the_placeholders_that_there_are(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize("url", ["$(admin_url)s/x", "$(project_id)/x", "%(user_id"])
def test_a_placeholder_that_means_nothing_is_refused(url: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_url(url)
    assert refused.value.code == "endpoint-url"


def test_a_url_is_filled_in_or_left_out_where_a_value_is_missing() -> None:
    values = {"public_endpoint": "https://cloud", "project_id": None}
    assert filled("$(public_endpoint)s/image", values) == "https://cloud/image"
    assert filled("$(public_endpoint)s/v1/%(project_id)s", values) is None
    assert filled("https://other", values) == "https://other"
