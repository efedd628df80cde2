"""What properties of an image say of how its guests boot, beside their machine: pure."""

from __future__ import annotations

from collections.abc import Mapping

from busway.domain.errors import BadInput
from busway.domain.host_trait import TRAIT, TRAIT_WORDS

# Properties of Nova's that make another guest there, and of which nothing follows here.
_UNDONE = {
    "kernel_id": "Guests boot from their disk, with its own kernel.",
    "ramdisk_id": "Guests boot from their disk, with its own kernel.",
    "os_command_line": "Guests boot from their disk, with its own kernel and that one's command line.",
}
# What Glance verifies when data with all of them is uploaded.
_SIGNATURE = (
    "img_signature",
    "img_signature_hash_method",
    "img_signature_key_type",
    "img_signature_certificate_uuid",
)


def check_boot(properties: Mapping[str, str]) -> None:
    """Raises `BadInput` for an image whose guests would not boot as it says."""
    for name, reason in _UNDONE.items():
        if properties.get(name):
            raise _refused(name, reason)
    for name, value in properties.items():
        if name.startswith(TRAIT) and value not in TRAIT_WORDS:
            raise BadInput(
                f"The image's property {name} is '{value[:80]}'",
                remedy=f"Write {' or '.join(TRAIT_WORDS)}.",
                code="image-boot",
            )


def check_unsigned(properties: Mapping[str, str]) -> None:
    """Raises `BadInput` for data that somebody has signed: nothing here would verify it."""
    if all(properties.get(name) for name in _SIGNATURE):
        raise _refused(_SIGNATURE[0], "Busway keeps no certificates, and verifies no signatures.")


def needs_drive(properties: Mapping[str, str]) -> bool:
    """True when the image's guests must have a configuration drive, whatever the request says."""
    return properties.get("img_config_drive", "").lower() == "mandatory"


def _refused(name: str, reason: str) -> BadInput:
    return BadInput(
        f"The image's property {name} has no effect",
        detail=reason,
        remedy=f"Remove it (openstack image unset --property {name} IMAGE), or choose another image.",
        code="image-boot",
    )
