"""The pages of the console, one module for each kind of resource; a module with `PAGES` is found automatically."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from busway.web.page import Page

_MODULES = sorted(found.name for found in pkgutil.iter_modules(__path__))
PAGES: tuple[Page, ...] = tuple(page for name in _MODULES for page in import_module(f"busway.web.pages.{name}").PAGES)
