"""Shares of render nodes in the whole control plane: offered by reports, limited by node and host, never beside the whole card."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from busway.control import quotas
from busway.control.devices.listing import get_device
from busway.control.placement.place import place_round
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.control.servers.why import why
from busway.domain.documents import HostResources, Observed
from busway.domain.errors import BadInput, InvalidConfig, InvalidExtraSpec, OverQuota
from busway.domain.mdev import MdevParentSeen, MdevRule, MdevRules
from busway.domain.render import node_seen
from busway.domain.requests import CreateServer
from busway.domain.resource_request import parse_resources
from busway.domain.server import Server, ServerStatus
from busway.domain.units import RenderShare
from tests.control.clouds import ADMIN, Cloud, Host, gpu

GPU = "0000:41:00.0"
KINDS = HostResources(16, 65536, 1000, kinds=("function", "mdev", "render"))
WANTED = {"resources:CUSTOM_VIRGL": "1"}


class Nodes:
    """What a host tells of its nodes, which its operator may change."""

    def __init__(self, *nodes: MdevParentSeen) -> None:
        self.nodes = nodes

    def tell(self, observed: Observed) -> Observed:
        return replace(observed, render_nodes=self.nodes)


def software(shares: int = 4, **more: Any) -> MdevParentSeen:
    return node_seen("platform-vgem", shares, **more)


def card(shares: int = 4, **more: Any) -> MdevParentSeen:
    return node_seen(f"pci-{GPU}", shares, GPU, **more)


def host(cloud: Cloud, *nodes: MdevParentSeen, name: str = "h1") -> tuple[Host, Nodes]:
    told = Nodes(*nodes)
    return cloud.host(name, inventory=(gpu(0),), resources=KINDS, as_of=told.tell), told


def boot(cloud: Cloud, count: int = 1) -> list[Server]:
    flavor = replace(cloud.plain, extra_specs=WANTED)
    asked = [
        create_servers(cloud.control, ADMIN, CreateServer("v", flavor, cloud.image), "req-v") for _ in range(count)
    ]
    place_round(cloud.control)
    return [cloud.server(made.id) for [made] in asked]


def placed(servers: Iterable[Server]) -> int:
    return sum(each.status is ServerStatus.BUILD for each in servers)


def test_a_server_gets_a_share_by_its_claim_and_is_active_when_its_host_says_so(cloud: Cloud) -> None:
    there, _ = host(cloud, software())

    [server] = boot(cloud)
    [claim] = cloud.live_claims()
    [grant] = there.desired().servers[0].devices
    there.obey()

    assert (claim.kind, claim.unit, claim.alias, claim.port) == ("render", "virgl:0", "CUSTOM_VIRGL", None)
    assert grant.unit == RenderShare("platform-vgem", claim.id)
    assert cloud.server(server.id).status is ServerStatus.ACTIVE
    assert why(cloud.control, ADMIN, server.id).devices == ("platform-vgem an instance of virgl (allocated)",)


def test_a_node_and_a_host_give_no_more_than_their_limits(cloud: Cloud) -> None:
    """The host's limit is below the sum of its nodes'; it holds within one round too."""
    host(cloud, software(2, limit=3), card(2, limit=3))

    together = boot(cloud, 4)
    servers = [boot(cloud)[0] for _ in range(4)]

    assert together[0].fault is not None
    assert "ask for 3 servers at once" in together[0].fault.message
    nodes = [claim.device_id for claim in cloud.live_claims()]
    assert placed(servers) == 3
    assert sorted(nodes.count(node) for node in set(nodes)) == [1, 2]
    [refused] = [each for each in servers if each.fault is not None]
    assert "its host gives 3 shares in all, and all have a server" in refused.fault.details  # type: ignore[union-attr]


def test_shares_that_the_operator_takes_away_stay_with_their_servers_and_go_to_no_other(cloud: Cloud) -> None:
    there, nodes = host(cloud, software(2))
    boot(cloud, 2)

    nodes.nodes = (software(1),)
    there.obey()
    [refused] = boot(cloud)

    assert len(cloud.live_claims()) == 2
    assert refused.status is ServerStatus.ERROR


def test_a_card_that_renders_for_guests_is_not_given_whole_until_it_is_declared_no_more(cloud: Cloud) -> None:
    there, nodes = host(cloud, card(2))

    [refused] = cloud.boot()
    nodes.nodes = ()
    there.report()
    [served] = cloud.boot()

    assert refused.status is ServerStatus.ERROR
    assert refused.fault is not None
    assert "renders for guests" in refused.fault.message + refused.fault.details
    assert served.status is ServerStatus.BUILD


def test_a_card_that_a_server_has_whole_renders_for_nobody(cloud: Cloud) -> None:
    there, nodes = host(cloud)
    [whole] = cloud.boot()
    there.obey()
    nodes.nodes = (card(2),)
    there.report()

    [refused] = boot(cloud)

    assert refused.fault is not None
    assert f"{GPU} belongs to server {whole.id} as a whole" in refused.fault.details


def test_a_node_that_is_in_trouble_says_so_in_the_refusal(cloud: Cloud) -> None:
    host(cloud, software(2, trouble="There is no render node for software"))

    [refused] = boot(cloud)

    assert refused.fault is not None
    assert "platform-vgem (virgl): There is no render node for software" in refused.fault.details


def test_a_card_whose_node_can_not_serve_is_shown_with_the_reason(cloud: Cloud) -> None:
    host(cloud, card(2, trouble="The hypervisor can't draw for guests on this host. QEMU has no egl-headless."))

    shown = get_device(cloud.control, ADMIN, GPU).device

    assert "QEMU has no egl-headless" in shown.reason


def test_a_share_is_free_again_once_its_host_says_that_the_guest_is_gone(cloud: Cloud) -> None:
    there, _ = host(cloud, software(1))
    [server] = boot(cloud)
    there.obey()

    delete_server(cloud.control, ADMIN, server.id, "req-d")
    there.obey()
    [late] = boot(cloud)

    assert late.status is ServerStatus.BUILD


def test_a_quota_limits_the_shares_of_a_project(cloud: Cloud) -> None:
    host(cloud, software(2))
    quotas.set_defaults(cloud.control, ADMIN, {"resources:CUSTOM_VIRGL": 1})

    with pytest.raises(OverQuota, match="CUSTOM_VIRGL"):
        boot(cloud, 2)


@pytest.mark.parametrize(
    "specs", [{"resources:CUSTOM_VIRGL": "2"}, {"resources1:CUSTOM_VIRGL": "1", "resources2:CUSTOM_VIRGL": "1"}]
)
def test_a_guest_has_one_share_at_most(specs: dict[str, str]) -> None:
    with pytest.raises(InvalidExtraSpec, match="2 of CUSTOM_VIRGL are requested"):
        parse_resources(specs)


def test_a_display_of_another_model_can_t_be_drawn_by_the_host(cloud: Cloud) -> None:
    host(cloud, software())
    flavor = replace(cloud.plain, extra_specs=dict(WANTED))
    with cloud.control.db.write() as tx:
        cloud.set_image_properties(tx, {"hw_video_model": "qxl"})

    with pytest.raises(BadInput, match="CUSTOM_VIRGL needs hw_video_model virtio, not qxl"):
        create_servers(cloud.control, ADMIN, CreateServer("v", flavor, cloud.image), "req-v")


def test_no_mediated_type_has_the_class_of_render_nodes() -> None:
    with pytest.raises(InvalidConfig, match="CUSTOM_VIRGL"):
        MdevRules([MdevRule("nvidia-35", resource_class="CUSTOM_VIRGL")])
