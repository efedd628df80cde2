"""Fixtures of the tests of other people's tools."""

from tests.api.conftest import api_template, routed_server

__all__ = ["api_template", "routed_server"]
