"""The rows that routers are: whatever joins what, every reference has its row, and what goes leaves none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from busway.domain.guest_network import BRIDGE, OVERLAY, HostRoute, NicRule
from busway.domain.ids import FloatingIpId, NetworkId, PortId, ProjectId, RouterId, SecurityGroupId
from busway.domain.network import ROUTER_GATEWAY, ROUTER_INTERFACE, SERVICES, Network, Port, Subnet, mac_for
from busway.domain.router import FloatingIp, Router
from busway.ovn.changes import changes
from busway.ovn.routing import MOST_GATEWAYS
from busway.ovn.row import Refs, Row
from busway.ovn.rows import Overlay, rows_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINE = ProjectId("p1")
GROUP = SecurityGroupId("d" * 8)


def network(number: int, *, external: bool = False) -> Network:
    """Network `number` has 10.number.0.0/24; the external ones are on the physical network `outside`."""
    net = f"10.{number}.0"
    v4 = Subnet(f"s{number}", "", f"{net}.0/24", f"{net}.1", ((f"{net}.2", f"{net}.254"),))
    driver, physical = (BRIDGE, "outside") if external else (OVERLAY, "")
    return Network(
        NetworkId(f"n{number}"), "", MINE, NOW, False, driver, physical, vlan=7 if external else 0, v4=v4, external=external
    )  # fmt: skip


def port(name: str, on: Network, host: int, owner: str = "", device: str = "") -> Port:
    assert on.v4 is not None
    address = on.v4.gateway[: on.v4.gateway.rindex(".") + 1] + str(host)
    groups = () if owner else (GROUP,)
    return Port(
        PortId(name), on, MINE, None, address, mac_for(name), NOW, security=not owner, groups=groups,
        device_owner=owner, device_id=device,
    )  # fmt: skip


@st.composite
def overlays(draw: st.DrawFn) -> Overlay:
    """Networks with guests, routers that join some of them, some with a gateway, and floating addresses."""
    inner = [network(number) for number in range(1, draw(st.integers(1, 4)) + 1)]
    outer = [network(200 + number, external=True) for number in range(draw(st.integers(0, 2)))]
    ports = [port(f"g{each.id}", each, 10) for each in inner]
    routers, floating = [], []
    for number in range(draw(st.integers(0, 3))):
        router_id = RouterId(f"r{number}")
        own: list[Port] = []
        for each in draw(st.lists(st.sampled_from(inner), unique_by=lambda held: held.id)):
            own.append(port(f"{router_id}-{each.id}", each, 1 + number, ROUTER_INTERFACE, router_id))
            if number == 0:
                ports.append(port(f"svc-{each.id}", each, 250, SERVICES, each.id))
        led = bool(outer) and draw(st.booleans())
        gateway: Network | None = draw(st.sampled_from(outer)) if led else None
        if gateway is not None:
            own.append(port(f"{router_id}-gw", gateway, 100 + number, ROUTER_GATEWAY, router_id))
            for held in [each for each in own if each.device_owner == ROUTER_INTERFACE]:
                made = FloatingIp(
                    FloatingIpId(f"f{held.id}"), MINE, gateway.id, "203.0.113.9", PortId("x"), NOW,
                    port_id=PortId(f"g{held.network.id}"), fixed_address="10.1.0.10", router_id=router_id,
                )  # fmt: skip
                floating.append(made)
        hops = [HostRoute("10.99.0.0/16", "10.1.0.9")]
        if gateway is not None and gateway.v4 is not None:
            hops.append(HostRoute("0.0.0.0/0", gateway.v4.gateway))  # what the gateway says anyway
        routes = tuple(draw(st.lists(st.sampled_from(hops), unique=True)))
        ports += own
        routers.append(
            Router(
                router_id, MINE, "", NOW, up=draw(st.booleans()), gateway=gateway.id if gateway else None,
                snat=draw(st.booleans()), routes=routes, ports=tuple(own),
            )
        )  # fmt: skip
    rules = {GROUP: (NicRule("ingress", "IPv4", remote_group=GROUP), NicRule("egress", "IPv4"))}
    names = draw(st.lists(st.sampled_from([f"c{number}" for number in range(9)]), unique=True))
    return Overlay([*inner, *outer], ports, rules, routers=routers, floating=floating, gateways={"outside": names})


def of(rows: Sequence[Row], table: str) -> list[Row]:
    return [row for row in rows if row.table == table]


@given(overlays())
def test_every_reference_has_its_row_and_no_row_is_there_twice(overlay: Overlay) -> None:
    rows = rows_of(overlay)
    known = {(row.table, row.key) for row in rows}

    assert len(known) == len(rows)
    for row in rows:
        for value in row.columns.values():
            if isinstance(value, Refs):
                assert {(value.table, key) for key in value.keys} <= known
    assert changes(rows, {}), "they can be written"


@given(overlays())
def test_a_router_is_up_in_ovn_as_it_is_here(overlay: Overlay) -> None:
    shown = {row.key: row.columns["enabled"] for row in of(rows_of(overlay), "Logical_Router")}

    assert shown == {router.id: router.up for router in overlay.routers}


@given(overlays())
def test_both_ends_of_each_routers_port_are_there_and_no_other(overlay: Overlay) -> None:
    rows = rows_of(overlay)
    on_routers = {str(row.columns["name"]) for row in of(rows, "Logical_Router_Port")}
    on_switches = [row.columns["options"] for row in of(rows, "Logical_Switch_Port") if row.columns["type"] == "router"]

    assert {options["router-port"] for options in on_switches if isinstance(options, dict)} == on_routers
    assert len(on_switches) == len(on_routers) == sum(len(router.ports) for router in overlay.routers)


@given(overlays())
def test_a_gateway_has_the_first_chassis_of_an_order_that_stays(overlay: Overlay) -> None:
    def places(gateways: Sequence[str]) -> dict[str, list[str]]:
        found = of(rows_of(replace(overlay, gateways={"outside": gateways})), "Gateway_Chassis")
        held: dict[str, list[tuple[int, str]]] = {}
        for row in found:
            priority = row.columns["priority"]
            assert isinstance(priority, int)
            held.setdefault(row.key.partition("/")[0], []).append((-priority, str(row.columns["chassis_name"])))
        return {key: [name for _priority, name in sorted(several)] for key, several in held.items()}

    names = list(overlay.gateways["outside"])
    for key, chosen in places(names).items():
        assert len(chosen) == min(len(names), MOST_GATEWAYS)
        without = places([name for name in names if name != chosen[0]])
        assert without.get(key, [])[: len(chosen) - 1] == chosen[1:], "the others keep their order"


@given(overlays())
def test_of_two_chassis_one_has_the_gateway_and_knows_no_other(overlay: Overlay) -> None:
    """Otherwise the death of either takes the gateway away from the one that is left, which hears nobody."""
    pair, third = {"": ["a", "b"], "outside": ["a", "b"]}, {"": ["a", "b", "c"], "outside": ["a", "b"]}
    of_pair = of(rows_of(replace(overlay, gateways=pair)), "Gateway_Chassis")
    of_third = of(rows_of(replace(overlay, gateways=third)), "Gateway_Chassis")

    assert len(of_third) == 2 * len(of_pair)
    for row in of_pair:
        [same] = [each for each in of_third if each.key == row.key]
        assert same.columns["priority"] == MOST_GATEWAYS, "the first one of its order"


@given(overlays())
def test_addresses_are_translated_at_gateways_only(overlay: Overlay) -> None:
    rows = of(rows_of(overlay), "NAT")
    snat = [row for row in rows if row.columns["type"] == "snat"]

    with_gateway = [router for router in overlay.routers if router.gateway_port is not None]
    assert len(snat) == sum(len(router.interfaces) for router in with_gateway if router.snat)
    assert len(rows) - len(snat) == len(overlay.floating)


@given(overlays())
def test_members_of_joined_networks_come_in_and_of_no_others(overlay: Overlay) -> None:
    joined: dict[str, set[str]] = {each.id: {each.id} for each in overlay.networks if each.driver == OVERLAY}
    for router in overlay.routers:
        here = {port.network.id for port in router.interfaces}
        for each in here:
            joined[each] |= here

    rows = rows_of(overlay)
    acls = {row.key: str(row.columns["match"]) for row in of(rows, "ACL")}
    for network_id, reached in joined.items():
        [match] = [text for key, text in acls.items() if key.startswith(f"{GROUP}/{network_id}/") and "ip4.src" in text]
        assert {
            word.strip(" {},$").split("_")[2] for word in match.split() if word.strip(" {,").startswith("$")
        } == reached


@given(overlays())
def test_names_are_answered_only_where_no_router_is(overlay: Overlay) -> None:
    routed = {port.network.id for router in overlay.routers for port in router.interfaces}

    assert {row.key for row in of(rows_of(overlay), "DNS")}.isdisjoint(routed)
