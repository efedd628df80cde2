"""The lab's guest image: a disk that boots Debian's kernel into a small root and says what devices it has.

Entry point: `build_guest_image`. It is made of Debian packages alone, without being root and without mounting
anything. It must stay an ordinary image: nothing in Busway may know it from another.
"""

from __future__ import annotations

from busway.lab.image.build import build_guest_image

__all__ = ["build_guest_image"]
