"""The catalogue of ready images that the operator has configured; clients download and verify it themselves."""

from __future__ import annotations

from busway.control.context import Control
from busway.domain.caller import Caller
from busway.policy import authorize


def show_catalogue(control: Control, caller: Caller) -> dict[str, object]:
    """Returns the URL of the catalogue, "" for none, and the public keys of its publisher."""
    authorize(caller, "busway:image-catalogue:show")
    settings = control.settings
    return {"where": settings.image_catalogue, "keys": list(settings.image_catalogue_keys)}
