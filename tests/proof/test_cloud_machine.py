"""A whole cloud under faults at random: control processes, agents and hosts die, messages are lost, devices fail.

After each act the invariants of `tests.proof.monitors` hold; when faults stop, all servers settle as they are desired,
and once they are deleted everything is free. `BUSWAY_PROOF=long` looks longer (`make test-proof`).
"""

from __future__ import annotations

import os
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from busway.control.context import Control
from busway.control.hosts import registry as hosts
from busway.control.moves.begin_resize import resize_server
from busway.control.moves.kinds.evacuate import evacuate_server
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.moves.kinds.unshelve import unshelve_server
from busway.control.moves.verify import confirm_resize, revert_resize
from busway.control.servers import hold
from busway.control.servers import power as server_power
from busway.control.servers.delete import delete_server
from busway.control.servers.devices import attach_device, detach_device, list_devices
from busway.control.servers.rescue import rescue_server, unrescue_server
from busway.control.servers.shelve import offload_server, shelve_server
from busway.control.servers.soft_delete import restore_server
from busway.domain.caller import Caller
from busway.domain.ids import FlavorId
from tests.proof import monitors
from tests.proof.host import VERBS
from tests.proof.world import ADMIN, FEWER_SPECS, ROOMY, SPECS, TIGHT, World, flavor

LONG = os.environ.get("BUSWAY_PROOF") == "long"
WISHES = ["", "gpu:1", "gpu:2", "card:1", "vf:1", "vf:2", "pf:1", "gpu:1,card:1", "shared:1"]
WISHES += ["+VGPU=1", "+VGPU=1", "+VGPU=2", "+VGPU=1+CUSTOM_SERIAL=1", "gpu:1+VGPU=1"]
WISHES += ["+CUSTOM_12Q=1", "+CUSTOM_12Q=1", "+CUSTOM_24Q=1", "+CUSTOM_12Q=1+CUSTOM_24Q=1", "gpu:1+CUSTOM_24Q=1"]
WISHES += ["+CUSTOM_VIRGL=1", "+CUSTOM_VIRGL=1", "gpu:1+CUSTOM_VIRGL=1", "+CUSTOM_12Q=1+CUSTOM_VIRGL=1"]
WISHES += ["linked:1", "linked:2", "linked:2", "linked:4"]
POINTS = ["create:after-commit", "place:before-commit", "place:after-commit", "observe:before-commit"]
POINTS += ["observe:after-commit", "delete:after-commit", "move:after-commit", "advance:before-commit"]
POINTS += ["advance:after-commit", "confirm:after-commit", "revert:after-commit", "evacuate:after-commit"]
POINTS += ["image:before-rename", "image:after-rename"]
FATES = ["request", "answer", "late", "late"]
GUEST_VERBS = ["", "", "define", "start", "shutdown", "destroy", "reboot", "undefine", "pause", "unpause", "save"]
GUEST_VERBS += ["forget_saved", "plug", "ask_out"]

HOT = ["gpu", "card", "vf", "pf", "shared", "linked"]  # aliases; of some a device has several parts, and is refused

which = st.integers(0, 7)


class CloudMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize(wishes=st.lists(st.sampled_from(WISHES), max_size=4))
    def servers_are_there(self, wishes: list[str]) -> None:
        for wish in wishes:
            self.create(wish, 1, ROOMY)
        self.all_agents()

    @rule(wish=st.sampled_from(WISHES), count=st.sampled_from([1, 1, 2]), ram=st.sampled_from([ROOMY, TIGHT]))
    def create(self, wish: str, count: int, ram: int) -> None:
        self.world.create(wish, count, ram)
        self.world.place()

    @rule(wish=st.sampled_from(WISHES))
    def create_only(self, wish: str) -> None:
        self.world.create(wish)

    @rule(number=which)
    def delete(self, number: int) -> None:
        self._on_server(delete_server, number)

    @rule(number=which)
    def delete_for_good(self, number: int) -> None:
        self._on_server(delete_server, number, for_good=True)

    @rule(number=which)
    def restore(self, number: int) -> None:
        self._on_server(restore_server, number)

    @rule(seconds=st.sampled_from([0, 30, 30]))
    def deleted_servers_are_kept(self, seconds: int) -> None:
        self.world.configure(reclaim_instance_interval=seconds)

    @rule(number=which)
    def stop(self, number: int) -> None:
        self._on_server(server_power.stop_server, number)

    @rule(number=which)
    def start(self, number: int) -> None:
        self._on_server(server_power.start_server, number)

    @rule(number=which, hard=st.booleans())
    def reboot(self, number: int, hard: bool) -> None:
        self._on_server(server_power.reboot_server, number, hard=hard)

    @rule(number=which)
    def pause(self, number: int) -> None:
        self._on_server(hold.pause_server, number)

    @rule(number=which)
    def unpause(self, number: int) -> None:
        self._on_server(hold.unpause_server, number)

    @rule(number=which)
    def rescue(self, number: int) -> None:
        def use_case(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
            rescue_server(control, caller, server_id, request_id, None, "word")

        self._on_server(use_case, number)

    @rule(number=which)
    def unrescue(self, number: int) -> None:
        self._on_server(unrescue_server, number)

    @rule(number=which)
    def suspend(self, number: int) -> None:
        self._on_server(hold.suspend_server, number)

    @rule(number=which)
    def resume(self, number: int) -> None:
        self._on_server(hold.resume_server, number)

    @rule(number=which, wish=st.sampled_from(WISHES), ram=st.sampled_from([ROOMY, TIGHT]))
    def resize(self, number: int, wish: str, ram: int) -> None:
        wanted = replace(flavor(wish, ram), id=FlavorId("other"))
        self._on_server(lambda control, caller, each, req: resize_server(control, caller, each, wanted, req), number)

    @rule(number=which)
    def migrate(self, number: int) -> None:
        self._on_server(migrate_server, number)

    @rule(number=which)
    def confirm(self, number: int) -> None:
        self._on_server(confirm_resize, number)

    @rule(number=which)
    def revert(self, number: int) -> None:
        self._on_server(revert_resize, number)

    @rule(number=which)
    def shelve(self, number: int) -> None:
        self._on_server(shelve_server, number)

    @rule(number=which)
    def unshelve(self, number: int) -> None:
        self._on_server(unshelve_server, number)

    @rule(number=which)
    def offload(self, number: int) -> None:
        self._on_server(offload_server, number)

    @rule(seconds=st.sampled_from([0, 60, -1]))
    def shelved_servers_keep_their_hosts(self, seconds: int) -> None:
        self.world.configure(shelved_offload_time=seconds)

    @rule(number=which, alias=st.sampled_from(HOT))
    def attach(self, number: int, alias: str) -> None:
        self._on_server(lambda control, caller, each, req: attach_device(control, caller, each, alias, req), number)

    @rule(number=which, index=which)
    def detach(self, number: int, index: int) -> None:
        def use_case(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
            if known := list_devices(control, caller, server_id):
                detach_device(control, caller, server_id, known[index % len(known)].id, request_id)

        self._on_server(use_case, number)

    @rule(number=which, keeps=st.booleans())
    def guests_keep_their_devices(self, number: int, keeps: bool) -> None:
        """Guests of the host ignore it when they are asked to let go of a device."""
        self._host(number).hypervisor.lets_go = not keeps

    @rule(number=which)
    def evacuate(self, number: int) -> None:
        self._on_server(evacuate_server, number)

    @rule(wish=st.sampled_from(["", "gpu:1"]), count=st.sampled_from([1, 2, 3]))
    def create_in_group(self, wish: str, count: int) -> None:
        self.world.create(wish, count, group=self.world.group())
        self.world.place()

    @rule(most=st.sampled_from([1, 3, 100]))
    def quota_changes(self, most: int) -> None:
        self.world.configure(quota={"instances": most})

    @rule()
    def place(self) -> None:
        self.world.place()

    @rule(seconds=st.sampled_from([1, 20, 40]))
    def time_passes(self, seconds: int) -> None:
        self.world.wait(seconds)
        self.world.sweep()

    @rule(number=which, rounds=st.sampled_from([1, 1, 2]))
    def agent_round(self, number: int, rounds: int) -> None:
        for _ in range(rounds):
            self._host(number).round()

    @rule()
    def all_agents(self) -> None:
        self.world.wait(1)
        for host in self.world.hosts:
            host.round()

    @rule(number=which, moment=st.integers(0, 25))
    def agent_dies(self, number: int, moment: int) -> None:
        self._host(number).round(moment)

    @rule(number=which)
    def host_reboots(self, number: int) -> None:
        self._host(number).reboot()

    @rule(number=which, index=which)
    def guest_powers_off(self, number: int, index: int) -> None:
        host = self._host(number)
        if awake := sorted(host.awake()):
            host.hypervisor.power_off_from_inside(awake[index % len(awake)])

    @rule(number=which, index=which)
    def guest_stalls(self, number: int, index: int) -> None:
        """Its host's disk is full for a while."""
        host = self._host(number)
        if awake := sorted(host.awake()):
            host.hypervisor.stall(awake[index % len(awake)])

    @rule(number=which, index=which)
    def device_vanishes(self, number: int, index: int) -> None:
        host = self._host(number)
        if addresses := host.interesting():
            host.lose_device(addresses[index % len(addresses)])

    @rule(number=which)
    def device_returns(self, number: int) -> None:
        host = self._host(number)
        if host.lost:
            host.find_device(min(host.lost))

    @rule(number=which, index=which, verb=st.sampled_from(VERBS), times=st.sampled_from([1, 100]))
    def device_fails(self, number: int, index: int, verb: str, times: int) -> None:
        host = self._host(number)
        if addresses := host.interesting():
            host.refuse(verb, addresses[index % len(addresses)], times)

    @rule(number=which, index=which, verb=st.sampled_from(VERBS))
    def device_blocks(self, number: int, index: int, verb: str) -> None:
        host = self._host(number)
        if addresses := host.interesting():
            host.kernel.hang(verb, addresses[index % len(addresses)], times=1)

    @rule(number=which, index=which)
    def kernel_finishes_late(self, number: int, index: int) -> None:
        host = self._host(number)
        if addresses := host.blocked():
            host.kernel.finish(addresses[index % len(addresses)])

    @rule(number=which, verb=st.sampled_from(GUEST_VERBS), away=st.booleans(), deaf=st.booleans())
    def hypervisor_fails(self, number: int, verb: str, away: bool, deaf: bool) -> None:
        host = self._host(number)
        host.hypervisor.away, host.hypervisor.obeys_acpi = away, not deaf
        if verb:
            host.refuse_guests(verb)

    @rule(number=which)
    def host_is_mended(self, number: int) -> None:
        self._host(number).mend()

    @rule(number=which, question=st.sampled_from(["", "answer"]), report=st.sampled_from(FATES))
    def round_with_lost_messages(self, number: int, question: str, report: str) -> None:
        host = self._host(number)
        host.line.lose, host.line.fates = [question], [report]
        self.world.wait(1)
        host.round()

    @rule(number=which, index=which, keep=st.booleans())
    def report_comes_late(self, number: int, index: int, keep: bool) -> None:
        line = self._host(number).line
        if line.late:
            line.deliver(index, keep=keep)

    @rule(number=which)
    def answer_comes_late(self, number: int) -> None:
        self._host(number).line.answer_slowly()

    @rule(point=st.sampled_from(POINTS))
    def control_will_die(self, point: str) -> None:
        self.world.crash_at = point

    @rule()
    def other_control_process(self) -> None:
        self.world.turn = 1 - self.world.turn

    @rule(fewer=st.booleans())
    def specs_change(self, fewer: bool) -> None:
        self.world.change_specs(FEWER_SPECS if fewer else SPECS)

    @rule(number=which, enabled=st.booleans())
    def host_is_enabled(self, number: int, enabled: bool) -> None:
        self.world.act(hosts.set_enabled, ADMIN, self._host(number).name, enabled=enabled)

    @invariant()
    def invariants_hold(self) -> None:
        monitors.check_always(self.world)

    def teardown(self) -> None:
        """Faults stop. Devices that are gone stay so until all servers are deleted."""
        try:
            self.world.calm()
            monitors.check_always(self.world)
            monitors.check_settled(self.world)
            self.world.delete_all()
            self.world.change_specs(SPECS)
            self.world.calm()
            monitors.check_always(self.world)
            for host in self.world.hosts:
                for address in sorted(host.lost):
                    host.find_device(address)
            self.world.calm()
            self.world.recycle_lost()
            monitors.check_empty(self.world)
        finally:
            self.world.close()

    def _host(self, number: int):  # type: ignore[no-untyped-def]
        return self.world.hosts[number % len(self.world.hosts)]

    def _on_server(self, use_case: object, number: int, **options: object) -> None:
        if rows := self.world.rows():
            self.world.act(use_case, ADMIN, rows[number % len(rows)].id, "req", **options)  # type: ignore[arg-type]


TestCloud = CloudMachine.TestCase
TestCloud.settings = settings(
    max_examples=600 if LONG else 25,
    stateful_step_count=60 if LONG else 30,
    derandomize=not LONG,  # `make test` looks at the same clouds every time
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(7200 if LONG else 600)]
