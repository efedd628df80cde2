"""The NVLink fabrics of all hosts: which GPUs are of which partitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from busway.domain.fabric import Fabric, fabric_of
from busway.domain.ids import DeviceId, HostId
from busway.domain.placement import DeviceState
from busway.store import providers
from busway.store.database import Tx


@dataclass(frozen=True, slots=True)
class Fabrics:
    """The fabric of each host that told of one and still does, with the provider whose units its partitions are."""

    of_hosts: Mapping[HostId, tuple[DeviceId, Fabric]] = field(default_factory=dict)

    @classmethod
    def read(cls, tx: Tx) -> Fabrics:
        """Reads all of them."""
        rows = providers.list_fabrics(tx)
        return cls({row.host_id: (row.id, fabric_of(row.parent)) for row in rows if row.present})

    def provider(self, host_id: HostId) -> DeviceId | None:
        """What provides the partitions of a host; None for a host without a fabric."""
        found = self.of_hosts.get(host_id)
        return found[0] if found else None

    def mark(self, host_id: HostId, states: tuple[DeviceState, ...]) -> tuple[DeviceState, ...]:
        """The devices of a host, each with its partitions; a partition of which a GPU is not there is left out."""
        found = self.of_hosts.get(host_id)
        if found is None:
            return states
        here = {str(state.device.address) for state in states if state.present}
        numbers: dict[str, list[int]] = defaultdict(list)
        for partition in found[1].partitions:
            if here.issuperset(partition.gpus):
                for gpu in partition.gpus:
                    numbers[gpu].append(partition.number)
        return tuple(
            replace(state, partitions=tuple(sorted(partitions)))
            if (partitions := numbers.get(str(state.device.address)))
            else state
            for state in states
        )
