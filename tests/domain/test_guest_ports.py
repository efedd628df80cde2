from hypothesis import given
from hypothesis import strategies as st

from busway.domain.guest_ports import assign_ports

CARDS = st.lists(st.sampled_from("abcdef"), max_size=8)


def test_cards_get_ports_in_their_order_and_their_functions_share_one() -> None:
    assert assign_ports(["gpu", "nic", "gpu"], {}) == (1, 2, 1)


def test_a_card_keeps_its_port_and_nobody_gets_that_of_another() -> None:
    assert assign_ports(["new", "old", "newer"], {"old": 2}, taken=[1]) == (3, 2, 4)


@given(CARDS, st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 6)), st.sets(st.integers(1, 9)))
def test_two_cards_never_get_one_port(cards: list[str], known: dict[str, int], taken: set[int]) -> None:
    known = {card: port for port, card in {port: card for card, port in known.items()}.items()}

    ports = dict(zip(cards, assign_ports(cards, known, taken), strict=True))

    assert len(set(ports.values())) == len(ports)
    assert all(port not in taken or known.get(card) == port for card, port in ports.items())
