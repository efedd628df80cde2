"""The recipes that come with Busway: what each driver drives, and what cloud-init does to install it."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from busway.domain.errors import BadInput, Forbidden

WORD = "busway:driver"
_FOLDER = "recipes"
_BEGIN = "begin.sh"


@dataclass(frozen=True, slots=True)
class Driver:
    """A driver: the vendor and the generations of the devices that it drives, and why no others."""

    name: str
    title: str
    vendor: str
    generations: tuple[str, ...]
    why: str


@cache
def drivers() -> Mapping[str, Driver]:
    """All drivers by name."""
    table = tomllib.loads(files(__package__).joinpath(_FOLDER, "drivers.toml").read_text("utf-8"))
    return {
        name: Driver(name, each["title"], each["vendor"], tuple(each["generations"]), each["why"])
        for name, each in table.items()
    }


def asked_driver(specs: Mapping[str, str], properties: Mapping[str, str]) -> Driver | None:
    """The driver that a flavor or an image asks for, None for none; raises when they disagree or there is no such."""
    of_flavor, of_image = specs.get(WORD, ""), properties.get(WORD, "")
    if of_flavor and of_image and of_flavor != of_image:
        raise Forbidden(
            f"The image asks for {WORD}={of_image} and the flavor for {WORD}={of_flavor}",
            remedy="Choose an image without the property, or a flavor that agrees with it.",
            code="driver-conflict",
        )
    name = of_flavor or of_image
    if not name:
        return None
    if name not in drivers():
        near = difflib.get_close_matches(name, drivers(), n=1)
        raise BadInput(
            f"There is no driver recipe {name[:60]}",
            detail=f"There are: {', '.join(drivers())}." + (f" Did you mean {near[0]}?" if near else ""),
            remedy=f"Name one of them as {WORD}, or leave it out and install the driver in the image.",
            code="driver-unknown",
        )
    return drivers()[name]


def script(driver: Driver, properties: Mapping[str, str]) -> str:
    """The shell script that installs a driver in a guest of an image; raises `BadInput` for a system without a recipe.

    It is a script and no cloud-config, because `packages` and `runcmd` of a user would replace those of vendor data.
    """
    system = properties.get("os_distro", "").lower()
    found = files(__package__).joinpath(_FOLDER, f"{driver.name}.{system}.sh")
    if not system.isalnum() or not found.is_file():
        known = sorted(
            path.name.split(".")[1]
            for path in files(__package__).joinpath(_FOLDER).iterdir()
            if path.name.startswith(f"{driver.name}.")
        )
        raise BadInput(
            f"There is no recipe for {driver.name} in {system or 'an image that does not say its os_distro'}",
            detail=f"There is one for: {', '.join(known)}.",
            remedy="Choose such an image (with os_distro), or install the driver in the image and leave the word out.",
            code="driver-system",
        )
    begin = files(__package__).joinpath(_FOLDER, _BEGIN).read_text("utf-8")
    return f"{begin}DRIVER={driver.name}\n{found.read_text('utf-8')}"


def vendor_data(specs: Mapping[str, str], properties: Mapping[str, str]) -> str:
    """The vendor data of a server as JSON, "" for none; what a later release has no recipe for any more is none."""
    try:
        driver = asked_driver(specs, properties)
        return json.dumps({"cloud-init": script(driver, properties)}) if driver is not None else ""
    except (BadInput, Forbidden):
        return ""
