"""Reads what operators of Nova, Proxmox, Harvester and KubeVirt have, and says the same in Busway's language.

`read_foreign(kind, path)` is the entry point. Nothing is changed: the result is text for busway.conf, commands for flavors,
and what could not be carried over, by name.
"""

from busway.bootstrap.imports.found import Found, read_foreign

__all__ = ["Found", "read_foreign"]
