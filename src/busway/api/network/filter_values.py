"""The values of the network API's filters: what each attribute's may be, and how it is compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from busway.api.schema import as_bool, as_int
from busway.domain.errors import BadInput
from busway.domain.guest_network import PROTOCOLS, plain_network
from busway.domain.security_group import is_protocol

_MOST_PORT = 65535


def _truth(name: str, value: str) -> str:
    return str(as_bool(value, name)).lower()


def _number(name: str, value: str, *, most: int = 2**31 - 1) -> str:
    return str(as_int(value, name, most=most))


def _number_or_none(name: str, value: str, *, most: int = 2**31 - 1) -> str:
    return _number(name, value, most=most) if value else ""


def _protocol(name: str, value: str) -> str:
    word = value.lower()
    if word in ("", "any"):
        return ""
    if is_protocol(word):
        return word
    raise BadInput(
        f"Invalid input for field/attribute {name}. '{value[:40]}' is not a protocol",
        remedy=f"Use a number up to 255, {', '.join(sorted(PROTOCOLS))}.",
        code="unknown-filter",
    )


def _prefix(name: str, value: str) -> str:
    try:
        network = str(plain_network(value, strict=False)) if value else ""
    except ValueError as error:
        raise BadInput(
            f"Invalid input for field/attribute {name}. '{value[:60]}' is not a CIDR",
            detail=f"{error}.",
            remedy="Write it as 10.0.0.0/8.",
            code="unknown-filter",
        ) from error
    return value.lower() if "/" in value else network


def _lower(_name: str, value: str) -> str:
    return value.lower()


# Those that Neutron converts before it compares; with a value that can't be converted it answers 400. "" is what has none.
_VALUES: dict[str, Callable[[str, str], str]] = {
    **dict.fromkeys(
        (
            "shared",
            "admin_state_up",
            "router:external",
            "is_default",
            "port_security_enabled",
            "enable_dhcp",
            "stateful",
        ),
        _truth,
    ),
    **dict.fromkeys(("ip_version", "mtu", "revision_number"), _number),
    "provider:segmentation_id": _number_or_none,
    **dict.fromkeys(("port_range_min", "port_range_max"), partial(_number_or_none, most=_MOST_PORT)),
    "protocol": _protocol,
    **dict.fromkeys(("remote_ip_prefix", "normalized_cidr"), _prefix),
    **dict.fromkeys(("status", "mac_address", "direction", "ethertype"), _lower),
}


def filter_value(name: str, value: str) -> str:
    """A filter's value as lists compare it, booleans as "true" or "false"; raises `BadInput` for one that nothing can have."""
    known = _VALUES.get(name)
    return known(name, value) if known else value
