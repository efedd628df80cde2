"""What must be true at every moment, whatever went wrong; and what must be true once nothing goes wrong any more.

The database is watched from below the code: triggers write down each change of a claim's or a server's state, and
refuse a generation that goes back.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from busway.control.devices import listing as device_views
from busway.control.placement.memory import SnapshotMemory
from busway.control.placement.snapshot import take_snapshot
from busway.control.servers.devices import ALIAS
from busway.domain.address import PciAddress
from busway.domain.alias import parse_alias_counts
from busway.domain.caller import Caller
from busway.domain.claim import CLAIM_TRANSITIONS, ClaimState
from busway.domain.device import DeviceKind
from busway.domain.grant import attached_names_of, names_of
from busway.domain.ids import DeviceId, HostId, ServerId
from busway.domain.move import MoveKind
from busway.domain.placement import HostState
from busway.domain.server import SERVER_TRANSITIONS, Hold, PowerState, ServerStatus
from busway.domain.status import DeviceStatus
from busway.domain.units import FabricPartition, Mdev, RenderShare, VgpuFunction, WholeFunction
from busway.domain.units.mdev import read_unit
from busway.domain.vgpu import Vgpu
from busway.store import claims, devices, groups, hosts, ledger, moves, ports, server_places, servers
from busway.store.claims import Claim
from busway.store.devices import DeviceRow
from busway.store.ledger import Window
from busway.store.moves import MoveFilter
from busway.store.servers import Intent
from busway.testing.fabric import MODULES, PARTITIONS
from tests.proof.host import MIXED, SHARES

_SETTLED = (
    ServerStatus.ACTIVE,
    ServerStatus.SHUTOFF,
    ServerStatus.PAUSED,
    ServerStatus.SUSPENDED,
    ServerStatus.RESCUE,
    ServerStatus.ERROR,
    ServerStatus.VERIFY_RESIZE,
    ServerStatus.SHELVED,
    ServerStatus.SHELVED_OFFLOADED,
    ServerStatus.SOFT_DELETED,
)

# The power of a guest, and whether its memory is saved, by what is desired of it.
_POWER = {
    (True, None): (PowerState.RUNNING, False),
    (True, Hold.PAUSED): (PowerState.PAUSED, False),
    (True, Hold.SUSPENDED): (PowerState.SHUTOFF, True),
    (False, None): (PowerState.SHUTOFF, False),
}

_HELD = {ServerStatus.PAUSED: Hold.PAUSED, ServerStatus.SUSPENDED: Hold.SUSPENDED}

if TYPE_CHECKING:
    from tests.proof.world import World

TRIGGERS = """
CREATE TABLE watched (n INTEGER PRIMARY KEY, what TEXT, old TEXT, new TEXT);
CREATE TRIGGER claim_made AFTER INSERT ON claims BEGIN
    INSERT INTO watched (what, old, new) VALUES ('claim', NULL, NEW.state); END;
CREATE TRIGGER claim_moved AFTER UPDATE OF state ON claims BEGIN
    INSERT INTO watched (what, old, new) VALUES ('claim', OLD.state, NEW.state); END;
CREATE TRIGGER claim_lost BEFORE DELETE ON claims WHEN OLD.state <> 'freed' BEGIN
    SELECT RAISE(ABORT, 'a live claim was forgotten'); END;
CREATE TRIGGER server_moved AFTER UPDATE OF status ON servers WHEN NEW.status <> OLD.status BEGIN
    INSERT INTO watched (what, old, new) VALUES ('server', OLD.status, NEW.status); END;
CREATE TRIGGER server_back BEFORE UPDATE OF intent ON servers
    WHEN (OLD.intent = 'gone' AND NEW.intent <> 'gone') OR (OLD.intent = 'absent' AND NEW.intent = 'present') BEGIN
    SELECT RAISE(ABORT, 'a server that was to go came back'); END;
CREATE TRIGGER counted_back BEFORE UPDATE ON hosts
    WHEN NEW.generation < OLD.generation OR NEW.revision < OLD.revision OR NEW.sequence < OLD.sequence BEGIN
    SELECT RAISE(ABORT, 'a generation went back'); END;
"""


def install(database: Path) -> None:
    """Puts the triggers into a SQLite file."""
    with sqlite3.connect(database) as connection:
        connection.executescript(TRIGGERS)
    connection.close()


def check_always(world: World) -> None:
    """All invariants that hold after every single act."""
    _check_claims(world)
    _check_capacity(world)
    _check_guests(world)
    _check_transitions(world)
    _check_memory(world)
    _check_one_guest(world)
    _check_groups(world)
    _check_nothing_unexpected(world)
    _check_ledger(world)


def check_settled(world: World) -> None:
    """Once nothing goes wrong any more: what is observed is what is desired, and no server is half way."""
    for row in world.rows():
        assert row.task_state is None, f"{row.name} is still {row.task_state}"
        assert row.status in _SETTLED, f"{row.name}: {row.status}"
        hold = row.hold if row.status is ServerStatus.ERROR else _HELD.get(row.status)
        assert (row.rescue is not None) is (row.status is ServerStatus.RESCUE) or row.status is ServerStatus.ERROR
        assert row.hold is hold, f"{row.name} is {row.status} and held as {row.hold}"
    _check_devices(world)
    with world.db.read() as tx:
        left = [row.name for row in server_places.list_placed(tx) if row.intent is Intent.ABSENT]
    assert not left, f"still to be torn down: {left}"
    for host in world.hosts:
        desired, domains = world.desired(host), host.domains()
        wanted = {server.id: names_of(server.devices) for server in desired.servers}
        inside = {server.id: attached_names_of(server.devices) for server in desired.servers}
        assert {each: {a.name for a in domain.attached} for each, domain in domains.items()} == inside
        assert set(host.state().server_ids()) == set(wanted)
        power = {each: (domain.power, domain.saved) for each, domain in domains.items()}
        assert power == {server.id: _POWER[server.powered, server.hold] for server in desired.servers}, host.name
        held = {(each.server_id, each.unit.name) for each in host.held()}
        assert held == {(each, address) for each, addresses in wanted.items() for address in addresses}


def _check_devices(world: World) -> None:
    """A server has as many devices as its own flavor says, and none that it was to let go or that never came."""
    with world.db.read() as tx:
        moving = {move.server_id for move in moves.list_open_moves(tx)}
        for row in server_places.list_placed(tx):
            every = claims.list_live_claims(tx, server_id=row.id)
            assert not [claim for claim in every if claim.state is ClaimState.RELEASING], f"{row.name} lets go for ever"
            if row.id not in moving:
                has = Counter(claim.alias for claim in every if claim.kind == WholeFunction.kind and claim.alias)
                said = row.flavor.extra_specs.get(ALIAS)
                wanted = Counter(dict(parse_alias_counts(said))) if said else Counter()
                assert has == wanted, f"{row.name} has {has} and its flavor says {wanted}"


def check_empty(world: World) -> None:
    """Once all servers are deleted: everything is free, on the hosts and in the database, and nothing is left behind."""
    with world.db.read() as tx:
        assert claims.list_live_claims(tx) == []
        assert ports.list_ports(tx) == []
        assert [row.device.address for row in devices.list_devices(tx) if row.quarantined] == []
    for host in world.hosts:
        assert host.traces() == "[[], [], []]"
        assert host.drivers() == host.native()
        assert host.mdevs() == [], f"{host.name}: instances are left behind"
        assert host.vgpus() == {}, f"{host.name}: virtual functions are left as vGPUs"
        assert not host.partitions(), f"{host.name}: GPUs are left joined"
    for view in device_views.list_devices(world.control(), _admin()):
        if view.offered:
            # behind a bridge with a foreign device nobody can have it, and one that is cut is not given whole
            shared = view.vendor_id == "1002" or view.product_id in ("13f2", "26b9")
            expected = DeviceStatus.UNAVAILABLE if shared else DeviceStatus.AVAILABLE
            assert view.status is expected, f"{view.host} {view.address}: {view.status}, {view.reason}"


def picture(world: World) -> str:
    """All that may differ from one round to the next, but for times and sequences."""
    with world.db.read() as tx:
        rows = [*servers.list_servers(tx), *server_places.list_placed(tx)]
        told = [(r.id, r.status, r.task_state, r.intent, r.power, r.host_id, r.powered, r.starts, r.hold) for r in rows]
        owned = [(claim.id, claim.state) for claim in claims.list_live_claims(tx)]
        known = [(row.id, row.present, row.quarantined, row.device) for row in devices.list_devices(tx)]
        counted = [(host.generation, host.revision) for host in hosts.list_hosts(tx)]
    seen = [(host.traces(), host.drivers(), sorted(host.running())) for host in world.hosts]
    return repr((told, owned, known, counted, seen))


def _check_claims(world: World) -> None:
    with world.db.read() as tx:
        every = claims.list_live_claims(tx)
        known = {row.id: row for row in devices.list_devices(tx)}
    assert len({(claim.device_id, claim.unit) for claim in every}) == len(every), "a unit has two owners"
    live = [claim for claim in every if claim.kind == WholeFunction.kind]
    parts = {claim.device_id for claim in every if claim.kind != WholeFunction.kind}
    assert len({claim.device_id for claim in live}) == len(live), "a device has two owners"
    assert not parts & {claim.device_id for claim in live}, "a device is given whole and in parts"
    owners: dict[object, set[ServerId]] = defaultdict(set)
    for claim in live:
        device = known[claim.device_id].device
        address = device.address
        owners[claim.host_id, "group", device.iommu_group].add(claim.server_id)
        if device.kind is not DeviceKind.VF:
            owners[claim.host_id, "slot", address.domain, address.bus, address.slot].add(claim.server_id)
        assert device.vendor_id != "1002", "a device was given that shares its group with a foreign one"
    functions = [claim for claim in every if claim.kind == VgpuFunction.kind]
    assert len({claim.device_id for claim in functions}) == len(functions), "a virtual function is two vGPUs"
    _check_shared_cards(functions, known)
    split = {key: names for key, names in owners.items() if len(names) > 1}
    assert not split, f"a group or card is split: {split}"
    taken = {(claim.host_id, known[claim.device_id].device.address) for claim in live}
    for claim in (*live, *functions):
        parent = known[claim.device_id].device.parent
        assert parent is None or (claim.host_id, parent) not in taken, "a PF and its VF are claimed"


def _check_shared_cards(functions: list[Claim], known: Mapping[DeviceId, DeviceRow]) -> None:
    """On a card of several sizes no two vGPUs overlap; on one of equal sizes all have one, and no more than it has room."""
    cards: dict[tuple[HostId, PciAddress | None], list[Vgpu]] = defaultdict(list)
    for claim in functions:
        vgpu = read_unit(claim.unit).vgpu
        assert vgpu is not None
        cards[claim.host_id, known[claim.device_id].device.parent].append(vgpu)
    for (_, pf), vgpus in cards.items():
        assert sum(each.size for each in vgpus) <= 48, f"{pf} has {vgpus}"
        regions = [
            region for each in vgpus if each.start is not None for region in range(each.start, each.start + each.size)
        ]
        assert len(regions) == len(set(regions)), f"vGPUs of {pf} overlap: {vgpus}"
        if pf == MIXED:
            assert all(each.start is not None for each in vgpus), f"nobody knows where vGPUs of {pf} lie: {vgpus}"
        else:
            assert len({each.size for each in vgpus}) == 1, f"{pf} of equal sizes has {vgpus}"


def _check_capacity(world: World) -> None:
    settings = world.control().settings
    used: dict[HostId, int] = defaultdict(int)
    with world.db.read() as tx:
        for row in server_places.list_placed(tx):
            assert row.host_id is not None
            used[row.host_id] += row.flavor.ram_mb
        for host in hosts.list_hosts(tx):
            assert host.resources is not None
            room = (host.resources.ram_mb - settings.reserved_host_memory_mb) * settings.ram_allocation_ratio
            assert used[host.id] <= room, f"{host.name} is over-committed"


def _check_guests(world: World) -> None:
    """A device that a host holds, or that a guest runs with, is claimed by that very server: it is not free before."""
    with world.db.read() as tx:
        every = claims.list_live_claims(tx)
        kinds = (WholeFunction.kind, VgpuFunction.kind)
        live = {claim.device_id: claim.server_id for claim in every if claim.kind in kinds}
        joined = {(c.host_id, c.unit): c.server_id for c in every if c.kind == FabricPartition.kind}
        instances = {str(claim.id): claim.server_id for claim in every if claim.kind == Mdev.kind}
        shares = {f"render-{claim.id}": claim for claim in every if claim.kind == RenderShare.kind}
        known = {(row.host_id, str(row.device.address)): row for row in devices.list_devices(tx)}
    for host in world.hosts:
        given = [claim for claim in shares.values() if claim.host_id == host.id]
        assert len(given) <= SHARES.get(host.name, 0), f"{host.name} gives {len(given)} shares of its render node"
        users: dict[object, ServerId] = {}
        groups: dict[object, ServerId] = {}
        inside = [(each, a.name) for each, domain in host.running().items() for a in domain.attached]
        for server, address in [*inside, *((held.server_id, held.unit.name) for held in host.held())]:
            if address.startswith("partition-"):
                assert joined.get((host.id, address)) == server, f"{address} is used by {server} without a claim"
                continue
            if address.startswith("render-"):
                assert address in shares and shares[address].server_id == server, (
                    f"{server} has {address} without a claim"
                )
                continue
            if ":" not in address:  # the UUID of a mediated device
                assert instances.get(address) == server, f"{address} is used by {server} without a claim"
                assert users.setdefault(address, server) == server, f"{address} is in two guests"
                continue
            row = known[host.id, address]
            assert live.get(row.id) == server, (
                f"{host.name} {address} is used by {server} and claimed by {live.get(row.id)}"
            )
            assert users.setdefault(address, server) == server, f"{address} is in two guests"
            assert groups.setdefault(row.device.iommu_group, server) == server, f"group of {address} is in two guests"
        for number in host.partitions():
            owner = joined.get((host.id, f"partition-{number}"))
            gpus = {live.get(known[host.id, MODULES[module]].id) for module in PARTITIONS[number]}
            assert owner is not None and gpus == {owner}, f"{host.name}: GPUs of {gpus} are joined for {owner}"
        for server, domain in host.running().items():
            mine = [unit for (host_id, unit), who in joined.items() if (host_id, who) == (host.id, server)]
            names = {MODULES[m] for unit in mine for m in PARTITIONS[int(unit.removeprefix("partition-"))]}
            inside_it = {a.name for a in domain.attached} & set(MODULES.values())
            assert not inside_it or names == inside_it, f"{server} has {inside_it} and {names} are joined for it"


def _check_memory(world: World) -> None:
    """What a control process remembers is what the database says: each change that matters made a revision grow."""
    control = world.control()
    with world.db.read() as tx:
        remembered = take_snapshot(control, tx)
        read = take_snapshot(replace(control, memory=SnapshotMemory()), tx)
    assert [_without_drivers(host) for host in remembered.hosts] == [_without_drivers(host) for host in read.hosts]


def _without_drivers(host: HostState) -> HostState:
    """No placement rests on the driver that a device has now."""
    return replace(
        host, devices=tuple(replace(each, device=replace(each.device, driver=None)) for each in host.devices)
    )


def _check_one_guest(world: World) -> None:
    """A server runs on one host. One that was evacuated may run on the old one too, until that one hears of it."""
    with world.db.read() as tx:
        evacuated = {
            (m.server_id, m.source.host_id) for m in moves.list_moves(tx, MoveFilter()) if m.kind is MoveKind.EVACUATION
        }
    running = [(each, host.id) for host in world.hosts for each in host.running() if (each, host.id) not in evacuated]
    assert len({each for each, _ in running}) == len(running), f"a server runs twice: {sorted(running)}"


def _check_groups(world: World) -> None:
    """Servers of the group, which are kept apart, are placed on hosts of their own."""
    with world.db.read() as tx:
        grouped = groups.group_ids(tx, [row.id for row in server_places.list_placed(tx)])
        hosts_of = [
            row.host_id for row in server_places.list_placed(tx) if row.id in grouped and row.intent is Intent.PRESENT
        ]
    assert len(set(hosts_of)) == len(hosts_of), "two servers of an anti-affinity group are on one host"


def count_usage(world: World, seconds: float) -> None:
    """Adds what passes now to each server's device-seconds, from what its claims are now: the ledger is not asked."""
    with world.db.read() as tx:
        for claim in claims.list_live_claims(tx):
            if claim.alias is not None:
                world.usage[claim.server_id, "held"] += round(seconds * 1_000_000)
                if claim.state is ClaimState.ALLOCATED:
                    world.usage[claim.server_id, "allocated"] += round(seconds * 1_000_000)


def _check_ledger(world: World) -> None:
    """The ledger says of each server what was counted; its open entries are the claims, whose devices the guests have."""
    window = Window(datetime(2025, 1, 1, tzinfo=UTC), world.time)
    with world.db.read() as tx:
        lines = ledger.sum_usage(tx, window, ["server"])
        live = {(claim.id, claim.device_id, claim.server_id) for claim in claims.list_live_claims(tx)}
        still = {(entry.id, entry.device_id, entry.server_id) for entry in ledger.list_open(tx)}
    told = {(line.group["server_id"], "held"): line.held_us for line in lines}
    told |= {(line.group["server_id"], "allocated"): line.allocated_us for line in lines}
    assert {key: amount for key, amount in told.items() if amount} == +world.usage
    assert still == live


def _check_nothing_unexpected(world: World) -> None:
    for row in world.rows():
        assert row.fault is None or "unexpected" not in row.fault.message, row.fault
    assert not any(record.items_failed for record in world.control().loops.all().values())


def _check_transitions(world: World) -> None:
    with sqlite3.connect(world.folder / "busway.db") as connection:
        moves = set(connection.execute("SELECT DISTINCT what, old, new FROM watched"))
    connection.close()
    for what, old, new in moves:
        if what == "server":
            assert ServerStatus(new) in SERVER_TRANSITIONS[ServerStatus(old)], f"a server went from {old} to {new}"
        elif old is None:
            assert new == ClaimState.CLAIMED, f"a claim was born {new}"
        else:
            assert ClaimState(new) in CLAIM_TRANSITIONS[ClaimState(old)], f"a claim went from {old} to {new}"


def _admin() -> Caller:
    from tests.proof.world import ADMIN

    return ADMIN
