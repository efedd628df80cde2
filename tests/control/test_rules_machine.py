"""Rules and servers come and go in any order: nobody loses a device, and every process has the rules that were made.

The machine keeps its own book of what was made; two control planes, each with a memory of its own, share one database.
"""

import json
import random
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from busway.control.context import Control
from busway.control.devices import listing as devices
from busway.control.placement.place import place_round
from busway.control.rules import aliases, device_specs
from busway.control.rules.in_force import RulesCache, read_rules
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.control.settings import Settings
from busway.domain.alias import parse_aliases
from busway.domain.device_spec import DeviceSpecs, parse_device_specs
from busway.domain.errors import BadInput, Conflict
from busway.domain.requests import CreateServer
from busway.store import claims
from busway.store.database import Database
from tests.control.clouds import ADMIN, Cloud, gpu
from tests.databases import add_tables

SPECS = (
    '{"vendor_id": "1234"}',
    '{"product_id": "1111", "t": "x"}',
    '{"address": "0000:42:00.0"}',
    '{"product_id": "9"}',
)
PRODUCTS = ("1111", "2222")
INVENTORY = tuple(gpu(number, product_id=PRODUCTS[number % 2]) for number in range(4))


class RulesMachine(RuleBasedStateMachine):
    """A host with four devices, an operator who changes rules, users who come and go."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.database = Database(f"sqlite:///{self.folder / 'busway.db'}")
        add_tables(self.database)
        self.cloud = Cloud(self.database, self.folder)
        nothing = Settings(aliases={}, device_specs=DeviceSpecs())
        self.cloud.control = replace(self.cloud.control, settings=nothing)
        self.other: Control = replace(self.cloud.control, rules_cache=RulesCache())
        self.host = self.cloud.host("h1", inventory=INVENTORY)
        self.specs: list[tuple[str, str, int]] = []
        self.aliases: dict[str, tuple[str, int]] = {}
        self.owned: dict[str, frozenset[str]] = {}
        self.leaving: set[str] = set()

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    @rule(text=st.sampled_from(SPECS), place=st.integers(0, 5))
    def make_spec(self, text: str, place: int) -> None:
        before = self.specs[place][0] if place < len(self.specs) else None
        made = device_specs.create_device_spec(self.other, ADMIN, text, before).device_spec
        assert made is not None and made.version is not None
        self.specs.insert(min(place, len(self.specs)), (made.id, text, made.version))

    @precondition(lambda self: self.specs)
    @rule(text=st.none() | st.sampled_from(SPECS), choice=st.randoms(use_true_random=False), last=st.booleans())
    def change_spec(self, text: str | None, choice: random.Random, last: bool) -> None:
        if text is None and not last:
            return
        number = choice.randrange(len(self.specs))
        spec_id, old, version = self.specs.pop(number)
        made = device_specs.change_device_spec(
            self.cloud.control, ADMIN, spec_id, version, text, before="last" if last else None
        ).device_spec
        assert made is not None and made.version is not None
        self.specs.insert(len(self.specs) if last else number, (spec_id, text or old, made.version))

    @precondition(lambda self: self.specs)
    @rule(choice=st.randoms(use_true_random=False))
    def delete_spec(self, choice: random.Random) -> None:
        spec_id, _, version = self.specs.pop(choice.randrange(len(self.specs)))
        device_specs.delete_device_spec(self.cloud.control, ADMIN, spec_id, version)

    @precondition(lambda self: self.specs)
    @rule(behind=st.integers(1, 3))
    def change_spec_too_late(self, behind: int) -> None:
        spec_id, _, version = self.specs[0]
        try:
            device_specs.delete_device_spec(self.other, ADMIN, spec_id, version - behind)
        except Conflict as error:
            assert error.code == "rule-stale"
        else:
            raise AssertionError("a change of an older version was taken")

    @rule(name=st.sampled_from(["a", "b"]), product=st.sampled_from(PRODUCTS))
    def set_alias(self, name: str, product: str) -> None:
        text = json.dumps({"name": name, "vendor_id": "1234", "product_id": product})
        if name in self.aliases:
            made = aliases.change_alias(self.other, ADMIN, name, [text], self.aliases[name][1]).alias
        else:
            made = aliases.create_alias(self.cloud.control, ADMIN, [text]).alias
        assert made is not None and made.version is not None
        self.aliases[name] = (text, made.version)

    @precondition(lambda self: self.aliases)
    @rule()
    def delete_alias(self) -> None:
        name, (_, version) = self.aliases.popitem()
        aliases.delete_alias(self.other, ADMIN, name, version, force=True)

    @rule(name=st.sampled_from(["a", "b"]), by_other=st.booleans())
    def boot(self, name: str, by_other: bool) -> None:
        control = self.other if by_other else self.cloud.control
        flavor = replace(self.cloud.gpu_flavor, extra_specs={"pci_passthrough:alias": f"{name}:1"})
        try:
            [made] = create_servers(control, ADMIN, CreateServer("s", flavor, self.cloud.image), "req-1")
        except BadInput as error:
            assert error.code == "alias-not-defined" and name not in self.aliases
            return
        place_round(control)
        got = self._live().get(made.id, frozenset())
        for address in got:
            [device] = [each for each in INVENTORY if str(each.address) == address]
            assert self._parsed().find(device) is not None
            assert parse_aliases([self.aliases[name][0]])[name].matches(device)
        if got:
            self.owned[made.id] = got

    @precondition(lambda self: set(self.owned) - self.leaving)
    @rule(choice=st.randoms(use_true_random=False))
    def delete_server(self, choice: random.Random) -> None:
        server_id = choice.choice(sorted(set(self.owned) - self.leaving))
        delete_server(self.cloud.control, ADMIN, server_id, "req-2")
        self.leaving.add(server_id)

    @rule()
    def report(self) -> None:
        self.host.report([server.id for server in self.host.desired().servers])
        for server_id in self.leaving:
            del self.owned[server_id]
        self.leaving.clear()

    @invariant()
    def nobody_lost_or_shares_a_device(self) -> None:
        assert self._live() == self.owned
        held = [address for addresses in self.owned.values() for address in addresses]
        assert len(held) == len(set(held))

    @invariant()
    def devices_are_shown_as_they_are(self) -> None:
        owners = {address: server_id for server_id, held in self.owned.items() for address in held}
        for view in devices.list_devices(self.other, ADMIN):
            [device] = [each for each in INVENTORY if str(each.address) == view.address]
            assert view.offered == (self._parsed().find(device) is not None)
            assert view.server_id == owners.get(view.address)
            assert (view.status is None) == (not view.offered and view.address not in owners)

    @invariant()
    def every_process_has_the_rules_that_were_made(self) -> None:
        expected = parse_aliases(text for text, _ in self.aliases.values())
        for control in (self.cloud.control, self.other):
            with self.database.read() as tx:
                rules, fresh = control.pci_rules(tx), read_rules(control.settings, tx)
            assert rules == fresh
            assert rules.aliases == expected and rules.device_specs == self._parsed()

    def _parsed(self) -> DeviceSpecs:
        return parse_device_specs(text for _, text, _ in self.specs)

    def _live(self) -> dict[str, frozenset[str]]:
        """The addresses of the devices of each server."""
        with self.database.read() as tx:
            known = {row.id: row.address for row in devices.list_devices(self.cloud.control, ADMIN)}
            found: dict[str, frozenset[str]] = {}
            for claim in claims.list_live_claims(tx):
                found[claim.server_id] = found.get(claim.server_id, frozenset()) | {known[claim.device_id]}
        return found


@pytest.mark.thorough
def test_rules_and_servers_come_and_go_in_any_order() -> None:
    run_state_machine_as_test(RulesMachine, settings=settings(max_examples=12, stateful_step_count=25, deadline=None))
