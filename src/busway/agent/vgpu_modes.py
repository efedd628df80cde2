"""Keeps declared cards in their size mode: set before any vGPU is made, and again after each restart of the host."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from structlog.typing import FilteringBoundLogger

from busway.agent.observe import Sight
from busway.domain.address import PciAddress
from busway.domain.documents import Desired
from busway.domain.errors import BuswayError, HostError
from busway.domain.mdev import MdevParentSeen
from busway.domain.vgpu import SizeMode
from busway.hardware.provision.vgpu_mode import Run, read_size_mode, set_size_mode
from busway.reconciler.waits import Wait

_LOOK = 60.0  # seconds after which a card is asked again: its driver forgets the mode without a word
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0  # seconds between two tries of one that failed


@dataclass(slots=True)
class _Card:
    """What is known of a declared card; `mode` is None while nobody knows."""

    mode: SizeMode | None = None
    vfs: tuple[str, ...] = ()
    again: float = float("-inf")
    pause: float = _FIRST_PAUSE
    trouble: BuswayError | None = None


@dataclass
class VgpuModes:
    """The declared modes of one host's cards, by the address of each; a card that can't follow keeps only its own servers."""

    wishes: Mapping[PciAddress, SizeMode]
    run: Run
    monotonic: Callable[[], float]
    log: FilteringBoundLogger
    _cards: dict[str, _Card] = field(default_factory=dict)

    def converge(self, sight: Sight) -> bool:
        """Asks or sets the first card that is due; true when a mode has changed."""
        parents = _by_card(sight)
        for address, wish in self.wishes.items():
            vgpus = parents.get(str(address), [])
            card = self._cards.setdefault(str(address), _Card())
            vfs = tuple(sorted(each.name for each in vgpus))
            if vfs != card.vfs:  # made again, and the mode with them
                card.vfs = vfs
                card.mode = None
                card.again = float("-inf")
            if vgpus and self.monotonic() >= card.again:
                return self._try(address, wish, card, vgpus)
        return False

    def waiting(self, sight: Sight, desired: Desired) -> tuple[Wait, ...]:
        """The servers with a vGPU still to be made on a card that is not in its mode yet."""
        late = {
            str(address) for address, wish in self.wishes.items() if self._cards.get(str(address), _Card()).mode != wish
        }
        if not late:
            return ()
        cards = {parent.name: parent.card_name for parents in _by_card(sight).values() for parent in parents}
        found = []
        for server in desired.servers:
            unmade = (grant.unit for grant in server.devices if grant.unit.name not in sight.local.ready)
            names = {cards.get(getattr(unit, "parent", "") or unit.name) for unit in unmade} & late
            found += [
                Wait(server.id, f"{name} is not in its size mode yet") for name in sorted(filter(None, names))[:1]
            ]
        return tuple(found)

    def with_modes(self, parents: tuple[MdevParentSeen, ...]) -> tuple[MdevParentSeen, ...]:
        """Parents with the mode of their card, as far as it is known."""
        return tuple(self._with_mode(parent) for parent in parents)

    def _with_mode(self, parent: MdevParentSeen) -> MdevParentSeen:
        """A declared card takes no vGPUs until its mode is known, because their places depend on it."""
        if all(str(address) != parent.card_name for address in self.wishes):
            return parent
        mode = self._cards.get(parent.card_name, _Card()).mode
        if mode is None:
            return replace(parent, trouble=parent.trouble or "the size mode of its card is not known yet")
        return replace(parent, mode=mode.value)

    @property
    def notes(self) -> tuple[str, ...]:
        """What keeps cards from their mode, for the report."""
        return tuple(f"{name}: {card.trouble}" for name, card in self._cards.items() if card.trouble)

    def _try(self, address: PciAddress, wish: SizeMode, card: _Card, parents: list[MdevParentSeen]) -> bool:
        before = card.mode
        try:
            card.mode = read_size_mode(self.run, address)
            if card.mode is not wish:
                _check_empty(address, wish, parents)
                set_size_mode(self.run, address, wish)
                card.mode = wish
                self.log.info("a card is in its size mode", device=str(address), mode=wish.value)
        except BuswayError as error:
            if card.trouble is None or card.trouble.code != error.code:
                words = {"why": str(error), "code": error.code, "remedy": error.remedy}
                self.log.error("a card does not follow its size mode", device=str(address), **words)
            card.trouble = error
            card.again = self.monotonic() + card.pause
            card.pause = min(card.pause * 2, _LONGEST_PAUSE)
        else:
            card.trouble = None
            card.pause = _FIRST_PAUSE
            card.again = self.monotonic() + _LOOK
        return card.mode is not before


def _check_empty(address: PciAddress, wish: SizeMode, parents: list[MdevParentSeen]) -> None:
    made = [uuid for parent in parents for kind in parent.types for uuid in kind.instances]
    if made:
        raise HostError(
            f"{address} can't go into {wish}-size mode while it has vGPUs",
            detail=f"There are {', '.join(made[:4])}{' and more' if len(made) > 4 else ''}.",
            remedy="Delete or migrate the servers that have them; the agent retries automatically.",
            code="vgpu-mode-in-use",
        )


def _by_card(sight: Sight) -> dict[str, list[MdevParentSeen]]:
    found: dict[str, list[MdevParentSeen]] = {}
    for parent in _parents(sight):
        found.setdefault(parent.card_name, []).append(parent)
    return found


def _parents(sight: Sight) -> Iterator[MdevParentSeen]:
    yield from sight.mdev_parents
    yield from sight.vgpu_functions
