"""What `busway up` does once, if its cloud has no host yet: it offers the cards that are ready, and prints the next steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import structlog

from busway.bootstrap.setup.apply import OwnCloud, apply_proposal
from busway.bootstrap.setup.propose import Proposal, propose
from busway.control.context import Control
from busway.control.identity import directory
from busway.doctor.report import Verdict
from busway.domain.caller import Caller
from busway.domain.errors import BuswayError
from busway.domain.ids import UserId
from busway.domain.text import some_of
from busway.store import hosts

_log = structlog.get_logger("busway.setup")
_NAMED = 4


def set_up_once(control: Control, caller: Caller, root: Path = Path("/")) -> Proposal | None:
    """Offers this machine's ready GPUs in a cloud that has neither hosts, nor aliases, nor device specs; None in any other.

    What can't be read costs the proposal and not the start. If it is killed half way, the next start continues,
    because the first host is added after it.
    """
    with control.db.read() as tx:
        if hosts.list_hosts(tx):
            return None
    if control.settings.aliases or control.settings.written_specs:
        return None
    try:
        proposal = propose(root)
        for line in apply_proposal(proposal, OwnCloud(control, caller)):
            _log.info(line)
    except (BuswayError, OSError) as error:
        _log.warning("GPUs were not offered automatically", reason=str(error), remedy="Run `busway setup`.")
        return Proposal((), (Verdict("this machine", "", f"could not be offered automatically ({error})"),))
    return proposal


def operator(control: Control) -> Caller:
    """Whoever starts `busway up`: an administrator in the operators' project, for flavors are made in projects."""
    project = directory.get_operators_project(control).id
    return Caller(UserId("busway"), "busway up", project, roles=frozenset({"admin"}))


def next_steps(proposal: Proposal, url: str, clouds: Path) -> Iterator[str]:
    """What a person reads at the first start: where the API is, what is offered, and the commands that lead to a server."""
    yield f"Busway answers at {url}; {clouds} has the administrator's password."
    yield f"The web console: {url}/ui"
    yield from offered(proposal)
    largest = [kind.flavors[0] for kind in proposal.kinds if kind.flavors]
    what = f"--gpu {proposal.kinds[0].name}" if largest else "--flavor m1.small"
    yield f"A first server (with the credentials: . {clouds.with_name('openrc')}):"
    yield "  busway image pull debian-12   # without the internet: openstack image create --disk-format qcow2 --file IMAGE.qcow2 debian-12"
    yield "  openstack security group rule create --protocol tcp --dst-port 22 default   # once: lets ssh in"
    yield f"  busway server create first {what} --image debian-12 --key ~/.ssh/id_ed25519.pub --wait"
    yield "  busway server ssh first"


def offered(proposal: Proposal) -> Iterator[str]:
    """What is ready under which names, and what is not and why."""
    for kind in proposal.kinds:
        flavors = ", ".join(flavor.name for flavor in kind.flavors)
        yield f"{len(kind.cards)} x {kind.model.name} ({some_of(kind.cards, _NAMED)}): alias {kind.name}; flavors {flavors}"
    for verdict in proposal.left_out[:_NAMED]:
        yield f"Not offered: {verdict.card} {verdict.words}"
    if len(proposal.left_out) > _NAMED:
        yield f"Not offered: {len(proposal.left_out) - _NAMED} more"
    if proposal.left_out:
        yield "`busway doctor` says what to do; then `busway setup` offers what is ready."
    if not proposal.kinds and not proposal.left_out:
        yield "There is no GPU here; other PCI devices are offered by `busway device-spec create`."
