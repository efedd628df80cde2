"""What imported images become, as the operator has chosen with Glance's words (`[image_conversion]`, `[image_import_options]`)."""

from __future__ import annotations

from dataclasses import dataclass

from busway.domain.disk_formats import QEMU_NAMES
from busway.domain.image import DISK_FORMATS

PLUGIN = "image_conversion"  # Glance's name of the plugin that converts every import


@dataclass(frozen=True, slots=True)
class ImageConversion:
    """`output_format` is what images become; with `every` also those of a format that hosts read anyway."""

    output_format: str = "qcow2"
    every: bool = False

    def is_needed(self, disk_format: str) -> bool:
        """Whether an image of this format is converted when it is imported."""
        return disk_format not in DISK_FORMATS or (self.every and disk_format != self.output_format)


def qemu_name(disk_format: str) -> str:
    """What qemu-img calls a format."""
    return QEMU_NAMES.get(disk_format, disk_format)
