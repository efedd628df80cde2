"""A price list for showback: what an hour of each model costs, and what usage comes to; exact, in decimal."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import yaml

from busway.domain.errors import BadInput, InvalidConfig

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of one device for an hour, by "vendor:product" or the name of the model; `default` is for all others."""

    currency: str
    per_hour: dict[str, Decimal]
    default: Decimal | None

    def cost(self, line: dict[str, Any]) -> Decimal:
        """What the allocated time of one line costs, rounded to hundredths once; raises for a model without a price."""
        ids = f"{line['vendor_id']}:{line['product_id']}"
        price = self.per_hour.get(ids, self.per_hour.get(line["model"], self.default))
        if price is None:
            raise BadInput(
                f"The price list has no price of {ids} ({line['model'] or 'no name'})",
                remedy=f"Add it under per_hour, or a default:\n  per_hour:\n    '{ids}': 1.00",
                code="price-missing",
            )
        hours = Decimal(str(line["allocated_seconds"])) / 3600
        return (hours * price).quantize(_CENT, ROUND_HALF_UP)


def read_prices(path: Path) -> Prices:
    """Reads a price list in YAML; raises `InvalidConfig` for one that is not understood whole."""
    try:
        document = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)  # noqa: S506  numbers stay as they are written
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _bad(path, str(error)) from error
    if not isinstance(document, dict) or not isinstance(document.get("per_hour", {}), dict):
        raise _bad(path, "It has no list of prices.")
    unknown = sorted(set(map(str, document)) - {"currency", "per_hour", "default"})
    if unknown:
        raise _bad(path, f"Nobody knows {', '.join(unknown)}.")
    prices = {str(model): _price(path, price) for model, price in document.get("per_hour", {}).items()}
    default = _price(path, document["default"]) if "default" in document else None
    return Prices(str(document.get("currency", "")), prices, default)


def _price(path: Path, text: object) -> Decimal:
    try:
        price = Decimal(str(text))
    except ArithmeticError as error:
        raise _bad(path, f"{text} is not a price.") from error
    if not price.is_finite() or price < 0:
        raise _bad(path, f"{text} is not a price.")
    return price


def _bad(path: Path, detail: str) -> InvalidConfig:
    return InvalidConfig(
        f"The price list {path} can't be used",
        detail=detail,
        remedy="Write it as in docs/how-to/usage.md: currency, per_hour with a price for each model, and default.",
        code="price-list",
    )
