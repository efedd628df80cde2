"""Whether a driver that is asked for can drive what the same request asks for: refused at the request, and not by a guest without a driver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from busway.control.context import Control
from busway.control.drivers.recipe import Driver, asked_driver, script
from busway.domain.alias import AliasSpec, parse_requests
from busway.domain.errors import BadInput
from busway.domain.flavor import Flavor
from busway.domain.gpu_generation import generation_of
from busway.store.database import Tx
from busway.store.devices import list_devices


def check_driver(control: Control, tx: Tx, flavor: Flavor, properties: Mapping[str, str]) -> None:
    """Raises `BadInput` for a driver without a recipe for the image's system, or that does not drive each device that an alias may give.

    An alias that names no product is looked up among the devices that hosts have reported.
    """
    driver = asked_driver(flavor.extra_specs, properties)
    if driver is None:
        return
    script(driver, properties)
    requests = parse_requests(flavor.extra_specs, control.pci_rules(tx).aliases, properties)
    specs = [spec for request in requests for spec in request.alias.specs]
    found = set(_products(tx, specs, driver))
    if not found and not any(spec.vendor_id in (None, driver.vendor) for spec in specs):
        raise BadInput(
            f"{driver.title} is asked for, and no device that it drives",
            detail=f"It drives devices of vendor {driver.vendor}; flavor {flavor.name} asks for "
            f"{', '.join(spec.describe() for spec in specs) or 'no device'}.",
            remedy="Leave busway:driver out, or choose a flavor with such a device.",
            code="driver-mismatch",
        )
    wrong = sorted(product for product in found if not _drives(driver, product))
    if wrong:
        wrong_words = ", ".join(f"{driver.vendor}:{each} ({generation_of(driver.vendor, each)})" for each in wrong)
        raise BadInput(
            f"{driver.title} does not drive {wrong_words}",
            detail=f"It drives {', '.join(driver.generations)}: {driver.why}.",
            remedy="Ask for another driver, or for another device: docs/reference/machine.md has all drivers.",
            code="driver-mismatch",
        )


def _drives(driver: Driver, product: str) -> bool:
    """False for a generation that is known and not the driver's; what is not known may be newer than this release."""
    generation = generation_of(driver.vendor, product)
    return generation is None or generation in driver.generations


def _products(tx: Tx, specs: Iterable[AliasSpec], driver: Driver) -> Iterator[str]:
    """The products of the driver's vendor that the aliases may give."""
    for spec in specs:
        if spec.vendor_id not in (None, driver.vendor):
            continue
        if spec.product_id is not None:
            yield spec.product_id
            continue
        for row in list_devices(tx, vendor_id=driver.vendor):
            if row.present and row.device.is_gpu and spec.matches(row.device):
                yield row.device.product_id
