"""Counts of the addresses that ports hold, per network and IP version."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import case, func, or_, select

from busway.domain.ids import NetworkId
from busway.store.database import Tx
from busway.store.ports import IS_LIVE, IS_OF_GUESTS, further_addresses, ports


def used_addresses(tx: Tx, network_ids: Collection[NetworkId]) -> dict[NetworkId, tuple[int, int]]:
    """Returns how many IPv4 addresses ports of each network have, and how many ports one of IPv6 if the network has such a subnet.

    One statement, which reads the ports of these networks. A network without ports is left out.
    """
    p = ports.c
    six = case((or_(IS_OF_GUESTS, p.address6.is_not(None)), 1))  # a server's port makes it from its MAC
    more = select(func.count()).where(further_addresses.c.network_id == p.network_id).scalar_subquery()
    counted = select(p.network_id, func.count(p.address) + more, func.count(six))
    here = counted.where(IS_LIVE, p.network_id.in_(network_ids)).group_by(p.network_id)
    return {NetworkId(network): (int(v4), int(v6)) for network, v4, v6 in tx.execute(here)}
