"""Virtual functions that become vGPUs, in the whole control plane: claimed as functions, by the types of mediated devices."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from busway.control import flavors
from busway.control.devices.listing import get_device
from busway.control.placement.place import place_round
from busway.control.placement.plan import plan
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.control.servers.why import why
from busway.domain.address import PciAddress
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.documents import HostResources, Observed
from busway.domain.grant import Held
from busway.domain.ids import FlavorId
from busway.domain.mdev import MdevParentSeen, MdevRule, MdevRules, MdevTypeSeen
from busway.domain.requests import CreateServer
from busway.domain.server import Server, ServerStatus
from busway.domain.units import VgpuFunction
from busway.store.providers import list_parents
from tests.control.clouds import ADMIN, Cloud, gpu

PF = PciAddress("0000:26:00.0")
VFS = [PciAddress(f"0000:26:00.{n}") for n in range(4, 8)]
KINDS = HostResources(16, 65536, 1000, kinds=("function", "mdev", "vgpu"))
TYPES = (MdevTypeSeen("nvidia-1155", "NVIDIA L40S-12Q", 1), MdevTypeSeen("nvidia-1158", "NVIDIA L40S-24Q", 1))
SMALL, LARGE = "CUSTOM_L40S_12Q", "CUSTOM_L40S_24Q"


def inventory(group: int = 70) -> tuple[PciDevice, ...]:
    """The card and its VFs, each in a group of its own unless `group` is that of the card."""
    card = replace(gpu(0), address=PF, kind=DeviceKind.PF, iommu_group=24)
    groups = [group + n if group != 24 else 24 for n in range(len(VFS))]
    return card, *(
        replace(card, address=vf, kind=DeviceKind.VF, parent=PF, iommu_group=each)
        for vf, each in zip(VFS, groups, strict=True)
    )


def tells(mode: str = "mixed", trouble: str = "", **changed: MdevParentSeen) -> Callable[[Observed], Observed]:
    seen = tuple(
        MdevParentSeen(str(vf), () if trouble else TYPES, 0, str(PF), mode, VgpuFunction.kind, trouble) for vf in VFS
    )
    return lambda observed: replace(observed, vgpu_functions=seen)


@pytest.fixture
def there(cloud: Cloud) -> Cloud:
    rules = [MdevRule("nvidia-1155", (str(PF),), SMALL), MdevRule("nvidia-1158", (str(PF),), LARGE)]
    cloud.configure(mdev_rules=MdevRules(rules))
    return cloud


def boot(cloud: Cloud, **counts: str) -> Server:
    flavor = replace(cloud.plain, extra_specs={f"resources:{name}": count for name, count in counts.items()})
    [made] = create_servers(cloud.control, ADMIN, CreateServer("v", flavor, cloud.image), "req-v")
    place_round(cloud.control)
    return cloud.server(made.id)


def test_a_server_gets_a_function_with_its_type_and_place_and_is_active_when_its_host_says_so(there: Cloud) -> None:
    host = there.host("h1", inventory=inventory(), resources=KINDS, as_of=tells())

    server = boot(there, **{SMALL: "1"})
    [claim] = there.live_claims()
    [grant] = host.desired().servers[0].devices
    host.obey()

    assert (claim.kind, claim.unit, claim.alias) == ("vgpu", "nvidia-1155:0/12@0", SMALL)
    assert grant.unit == VgpuFunction(VFS[0], gpu(0).vendor_id, gpu(0).product_id, "nvidia-1155", 0)
    assert there.server(server.id).status is ServerStatus.ACTIVE
    assert why(there.control, ADMIN, server.id).devices == (f"{VFS[0]} an instance of nvidia-1155 (allocated)",)


def test_sizes_beside_each_other_and_one_too_many(there: Cloud) -> None:
    host = there.host("h1", inventory=inventory(), resources=KINDS, as_of=tells())

    fitting = [boot(there, **{SMALL: "1"}), boot(there, **{SMALL: "1"}), boot(there, **{LARGE: "1"})]
    late = boot(there, **{SMALL: "1"})

    units = [grant.unit for server in host.desired().servers for grant in server.devices]
    assert {server.status for server in fitting} == {ServerStatus.BUILD}
    assert sorted(unit.start for unit in units if isinstance(unit, VgpuFunction) and unit.start is not None) == [
        0,
        12,
        24,
    ]
    assert len({unit.name for unit in units}) == 3
    assert late.fault is not None
    assert "can't lie side by side" in late.fault.details


def test_a_plan_says_what_fits_and_why_not_one_more(there: Cloud) -> None:
    there.host("h1", inventory=inventory(), resources=KINDS, as_of=tells())
    boot(there, **{LARGE: "1"})
    small = replace(there.plain, id=FlavorId("q12"), name="q12", extra_specs={f"resources:{SMALL}": "1"})
    flavors.create_flavor(there.control, ADMIN, small)

    two, three = plan(there.control, ADMIN, "q12", 2), plan(there.control, ADMIN, "q12", 3)

    assert [server.devices[0].partition(" ")[2] for server in two.servers] == [
        f"an instance of nvidia-1155 ({SMALL}, 12 GB from 24)", f"an instance of nvidia-1155 ({SMALL}, 12 GB from 36)",
    ]  # fmt: skip
    assert three.refusal is not None
    assert "24 GB from 0" in three.refusal.facts
    assert "12 GB may begin at 0, 12, 24, 36" in three.refusal.facts


def test_a_place_is_free_when_its_host_holds_it_no_more(there: Cloud) -> None:
    host = there.host("h1", inventory=inventory(), resources=KINDS, as_of=tells())
    server = boot(there, **{LARGE: "1"})
    boot(there, **{LARGE: "1"})
    host.obey()
    [first, _] = there.live_claims()
    delete_server(there.control, ADMIN, server.id, "req-d")

    held = host.desired().servers
    unit = VgpuFunction(VFS[0], gpu(0).vendor_id, gpu(0).product_id, "nvidia-1158", 0)
    host.report(held=[Held(server.id, unit, claim_id=first.id)])
    early = boot(there, **{LARGE: "1"})
    host.report()
    late = boot(there, **{LARGE: "1"})

    assert held
    assert (early.status, late.status) == (ServerStatus.ERROR, ServerStatus.BUILD)


@pytest.mark.parametrize(
    ("group", "trouble", "why_not"),
    [
        (24, "", "shares its IOMMU group with"),
        (70, "its nvidia/creatable_vgpu_types can't be read", "creatable_vgpu_types can't be read"),
    ],
    ids=["functions that are not alone", "a driver that can't be understood"],
)
def test_what_can_not_be_given_is_not_and_the_refusal_says_why(
    there: Cloud, group: int, trouble: str, why_not: str
) -> None:
    there.host("h1", inventory=inventory(group), resources=KINDS, as_of=tells(trouble=trouble))

    server = boot(there, **{SMALL: "1"})

    assert server.fault is not None
    assert why_not in server.fault.details
    assert why_not in get_device(there.control, ADMIN, str(VFS[0])).device.reason


def test_neither_the_card_nor_a_function_of_it_is_given_whole(there: Cloud) -> None:
    there.host("h1", inventory=inventory(), resources=KINDS, as_of=tells())

    [whole] = there.boot()

    view = get_device(there.control, ADMIN, str(PF)).device
    assert whole.status is ServerStatus.ERROR
    assert view.reason == "its VFs are for nvidia-1155, nvidia-1158"


def test_an_agent_that_tells_of_no_such_functions_gets_none(there: Cloud) -> None:
    there.host("old", inventory=inventory(), resources=HostResources(16, 65536, 1000, kinds=("function", "mdev")))

    server = boot(there, **{SMALL: "1"})

    assert server.fault is not None
    assert f"no device of it offers {SMALL}" in server.fault.details


def test_a_vgpu_whose_function_has_vanished_keeps_its_part_of_the_card_until_it_is_free(there: Cloud) -> None:
    host = there.host("h1", inventory=inventory(), resources=KINDS, as_of=tells())
    server = boot(there, **{SMALL: "1"})
    host.obey()
    host.inventory = tuple(device for device in inventory() if device.address != VFS[0])
    whole = tells()
    host.as_of = lambda observed: replace(
        whole(observed), vgpu_functions=tuple(f for f in whole(observed).vgpu_functions if f.name != str(VFS[0]))
    )
    host.obey()

    boot(there, **{LARGE: "1"})
    assert sorted(claim.unit for claim in there.live_claims()) == ["nvidia-1155:0/12@0", "nvidia-1158:0/24@24"]

    delete_server(there.control, ADMIN, server.id, "req-d")
    host.obey()
    host.obey()
    with there.control.db.read() as tx:
        assert VFS[0] not in [row.parent.name for row in list_parents(tx, [host.id])]
