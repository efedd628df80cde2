"""The mediated devices that each host offers, from its report, the enabled types, and the live claims."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from busway.domain.device import DeviceKind
from busway.domain.ids import DeviceId, HostId, ServerId
from busway.domain.mdev import MdevOffer, MdevRule, MdevRules, offers_of, shared_cards
from busway.domain.placement import DeviceState
from busway.domain.render import capped
from busway.domain.units import RenderShare, VgpuFunction
from busway.domain.units.mdev import Instance, read_unit
from busway.domain.vgpu import SharedCard
from busway.store import providers
from busway.store.database import Tx
from busway.store.providers import ParentRow

# By provider, and by what the instance is called on its host: the id of its claim, or the function that it is.
_Claimed = Mapping[DeviceId, Mapping[str, Instance]]


@dataclass(frozen=True, slots=True)
class Offered:
    """What a host can give: its devices, of which those that are cut are not given whole, and what is cut of them."""

    devices: tuple[DeviceState, ...]
    mdevs: tuple[MdevOffer, ...] = ()
    cards: tuple[SharedCard, ...] = ()


@dataclass(frozen=True, slots=True)
class Mediated:
    """The parents of all hosts, and the live claims on instances of them."""

    rules: MdevRules
    parents: Mapping[HostId, tuple[ParentRow, ...]] = field(default_factory=dict)
    claimed: _Claimed = field(default_factory=dict)
    owners: Mapping[DeviceId, ServerId] = field(default_factory=dict)

    @classmethod
    def read(
        cls, tx: Tx, rules: MdevRules, owners: Mapping[DeviceId, ServerId], host_ids: Collection[HostId] | None = None
    ) -> Mediated:
        """Reads what some hosts have, or all."""
        parents: dict[HostId, list[ParentRow]] = defaultdict(list)
        for row in providers.list_parents(tx, host_ids):
            parents[row.host_id].append(row)
        if not parents:
            return cls(rules)
        functions = {
            row.id: row.parent.name for rows in parents.values() for row in rows if row.parent.kind == VgpuFunction.kind
        }
        claimed: dict[DeviceId, dict[str, Instance]] = defaultdict(dict)
        for device_id, claim_id, unit in providers.list_instance_claims(tx, host_ids):
            claimed[device_id][functions.get(device_id, claim_id)] = read_unit(unit)
        return cls(rules, {host: tuple(rows) for host, rows in parents.items()}, claimed, owners)

    def of(self, host_id: HostId, states: tuple[DeviceState, ...]) -> Offered:
        """What a host offers of its devices as they are."""
        rows = self.parents.get(host_id, ())
        rules = {row.id: found for row in rows if self._counts(row) and (found := self.rules.rules_for(row.parent))}
        if not rules:
            return Offered(states)
        by_id = {state.id: state for state in states}
        offers = capped(
            offer
            for row in rows
            if row.id in rules
            for offer in offers_of(
                row.parent, rules[row.id], row.id, self.claimed.get(row.id, {}),
                self._blocked(row, _function_of(row, by_id, states), states),
            )
        )  # fmt: skip
        claimed = {row.parent.name: self.claimed.get(row.id, {}) for row in rows}
        cards = shared_cards([row.parent for row in rows], claimed, self.rules)
        return Offered(_cut(states, rows, rules), offers, cards)

    def _blocked(self, row: ParentRow, state: DeviceState | None, states: tuple[DeviceState, ...]) -> str:
        """Why a parent gives nothing whatever is left of it, "" if nothing is in the way."""
        if not row.present:
            return "it has vanished from its host"
        if row.quarantined is not None:
            return f"it is quarantined: {row.quarantined}"
        if state is None:
            return "" if row.parent.kind != VgpuFunction.kind else "its host reports no such function"
        if row.parent.kind == VgpuFunction.kind and (alone := _against_group(state, states)):
            return alone
        whole = [each for each in (state, *_relatives(state, states)) if self._is_whole(each)]
        if whole:
            return f"{whole[0].device.address} belongs to server {whole[0].claimed_by} as a whole"
        return ""

    def _counts(self, row: ParentRow) -> bool:
        """A render node that is declared no more, and that no server has, keeps nobody from its card."""
        return row.present or row.parent.kind != RenderShare.kind or bool(self.claimed.get(row.id))

    def _is_whole(self, state: DeviceState) -> bool:
        return state.id in self.owners and state.id not in self.claimed


def _function_of(
    row: ParentRow, by_id: Mapping[DeviceId, DeviceState], states: tuple[DeviceState, ...]
) -> DeviceState | None:
    """The function that a parent is, or whose render node it is; None for one of no function."""
    if row.parent.kind != RenderShare.kind:
        return by_id.get(row.id)
    return next((state for state in states if str(state.device.address) == row.parent.card), None)


def _cut(
    states: tuple[DeviceState, ...], rows: tuple[ParentRow, ...], rules: Mapping[DeviceId, tuple[MdevRule, ...]]
) -> tuple[DeviceState, ...]:
    """The parents that are cut, and the PFs of those that are VFs: none of them is given whole."""
    types = {row.parent.name: ", ".join(rule.type_id for rule in rules[row.id]) for row in rows if row.id in rules}
    types |= {row.parent.card: types[row.parent.name] for row in rows if row.id in rules and row.parent.card}
    return tuple(
        replace(state, offered=False, cut=types[str(state.device.address)])
        if str(state.device.address) in types
        else state
        for state in states
    )


def _against_group(state: DeviceState, states: tuple[DeviceState, ...]) -> str:
    """A function goes to a guest with its IOMMU group: it must be alone there, but for bridges."""
    group = state.device.iommu_group
    if group is None:
        return "it has no IOMMU group (the host's IOMMU is off)"
    mates = [
        each.device for each in states if each.device.iommu_group == group and each.id != state.id and each.present
    ]
    others = [str(mate.address) for mate in mates if not mate.is_bridge]
    return f"it shares its IOMMU group with {', '.join(others)}" if others else ""


def _relatives(state: DeviceState, states: tuple[DeviceState, ...]) -> tuple[DeviceState, ...]:
    """The VFs of a PF, and the PF of a VF."""
    device = state.device
    if device.kind is DeviceKind.PF:
        return tuple(each for each in states if each.device.parent == device.address)
    return tuple(each for each in states if device.parent is not None and each.device.address == device.parent)
