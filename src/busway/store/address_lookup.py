"""Addresses and MACs in use, as far as a transaction has read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from busway.domain.ids import NetworkId


@dataclass(slots=True)
class AddressLookup:
    """A transaction's knowledge of addresses and MACs: those it has looked up (`asked`, `macs`), and those in use (`taken…`)."""

    asked: dict[NetworkId, set[str]] = field(default_factory=dict)
    macs: set[str] = field(default_factory=set)
    taken: set[tuple[NetworkId, str]] = field(default_factory=set)
    taken_macs: set[str] = field(default_factory=set)

    def ask(self, network_id: NetworkId, addresses: Iterable[str], macs: Iterable[str]) -> tuple[list[str], list[str]]:
        """Adds addresses and MACs to look up; returns those that have not been looked up yet."""
        known = self.asked.setdefault(network_id, set())
        new = [address for address in addresses if address not in known]
        new_macs = [mac for mac in macs if mac not in self.macs]
        known.update(new)
        self.macs.update(new_macs)
        return new, new_macs

    def learn(self, rows: Iterable[tuple[NetworkId, str | None, str | None]]) -> None:
        """Marks network, address and MAC of ports as in use; further addresses have no MAC."""
        for network_id, address, mac in rows:
            if mac:
                self.taken_macs.add(mac)
            if address:
                self.taken.add((network_id, address))

    def used(self, network_id: NetworkId, addresses: Sequence[str]) -> set[str]:
        """Returns those of the addresses that are in use."""
        return {address for address in addresses if (network_id, address) in self.taken}
