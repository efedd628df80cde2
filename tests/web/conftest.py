"""Fixtures of the console's tests."""

from tests.api.conftest import api_server, api_template

__all__ = ["api_server", "api_template"]
