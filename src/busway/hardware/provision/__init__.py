"""Layouts of a host that are made before any server uses them, and that no single server owns: one module each."""

from busway.hardware.provision.sriov import is_laid_out, lay_out

__all__ = ["is_laid_out", "lay_out"]
