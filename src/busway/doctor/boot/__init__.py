"""Boot loaders: where the kernel command line is kept, and what must be run after it was changed."""

from busway.doctor.boot.loader import Boot, Loader, read_boot

__all__ = ["Boot", "Loader", "read_boot"]
