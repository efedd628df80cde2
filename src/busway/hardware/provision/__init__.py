"""What is laid out on a host before any server uses it: one module for each thing that no server owns."""

from busway.hardware.provision.sriov import is_laid_out, lay_out

__all__ = ["is_laid_out", "lay_out"]
