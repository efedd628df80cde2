"""Claims: which unit of which device belongs to which server. A partial unique index makes a second owner impossible."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    TextClause,
    func,
    insert,
    select,
    text,
    update,
)

from busway.domain.claim import ClaimState, check_claim_transition
from busway.domain.ids import ClaimId, DeviceId, HostId, ServerId
from busway.domain.units import WHOLE, WholeFunction
from busway.store import ledger
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata

_LIVE = text("state <> 'freed'")

claims = Table(
    "claims",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("device_id", ForeignKey("devices.id"), nullable=False),
    Column("host_id", ForeignKey("hosts.id"), nullable=False, index=True),
    Column("server_id", String(36), nullable=False, index=True),
    Column("kind", String(16), nullable=False, server_default=WholeFunction.kind),
    # What of the device: unlike any other that it can give at the same time.
    Column("unit", String(128), nullable=False, server_default=WHOLE),
    Column("port", Integer),
    Column("alias", String(256)),
    Column("state", String(16), nullable=False),
    Column("generation", Integer, nullable=False, default=0, server_default="0"),
    Column("created", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False),
    Column("allocated", UtcTime),
    # One live claim per unit of a device, whatever any process believes.
    Index("uq_claims_live_unit", "device_id", "unit", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
)


def is_live() -> TextClause:
    """Returns the SQL condition that a claim is not freed."""
    return _LIVE


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of a server on one unit of a device.

    `device_id` is the provider, `unit` what is claimed of it, a resource of `kind`. `alias` is the alias of the
    request, None for a function that comes with another one of its card. `port` is the guest's root port.
    `generation` is that of the host's document since which a released device no longer belongs to the server.
    """

    id: ClaimId
    device_id: DeviceId
    host_id: HostId
    server_id: ServerId
    alias: str | None
    state: ClaimState
    generation: int
    created: datetime
    updated: datetime
    kind: str = WholeFunction.kind
    unit: str = WHOLE
    port: int | None = None
    allocated: datetime | None = None  # when its server was first seen to run with the device


def insert_claim(
    tx: Tx,
    claim_id: ClaimId,
    device_id: DeviceId,
    host_id: HostId,
    server_id: ServerId,
    alias: str | None,
    now: datetime,
) -> None:
    """Adds one claim."""
    insert_claims(tx, [Claim(claim_id, device_id, host_id, server_id, alias, ClaimState.CLAIMED, 0, now, now)])


def insert_claims(tx: Tx, made: Iterable[Claim]) -> None:
    """Adds claims and their ledger entries; raises SQLAlchemy's IntegrityError if a unit has an owner."""
    adding = list(made)
    rows = [{name: getattr(claim, name) for name in Claim.__dataclass_fields__} for claim in adding]
    if rows:
        tx.execute(insert(claims), rows)
        ledger.open_entries(tx, adding)


def list_owners(tx: Tx) -> dict[DeviceId, ServerId]:
    """Returns the server of each device that has one."""
    statement = select(claims.c.device_id, claims.c.server_id).where(_LIVE)
    return {DeviceId(row.device_id): ServerId(row.server_id) for row in tx.execute(statement)}


def list_owned(tx: Tx, host_ids: Collection[HostId]) -> list[Claim]:
    """Lists the live claims on devices of some hosts."""
    return [_claim(row) for row in tx.execute(select(claims).where(_LIVE, claims.c.host_id.in_(host_ids)))]


def list_live_claims(tx: Tx, *, host_id: HostId | None = None, server_id: ServerId | None = None) -> list[Claim]:
    """Lists all live claims, or those on a host or of a server."""
    statement = select(claims).where(_LIVE).order_by(claims.c.created, claims.c.id)
    if host_id is not None:
        statement = statement.where(claims.c.host_id == host_id)
    if server_id is not None:
        statement = statement.where(claims.c.server_id == server_id)
    return [_claim(row) for row in tx.execute(statement)]


def count_live(tx: Tx) -> dict[str, int]:
    """Returns how many live claims are in each state."""
    statement = select(claims.c.state, func.count()).where(_LIVE).group_by(claims.c.state)
    return {row[0]: row[1] for row in tx.execute(statement)}


def list_freed(tx: Tx, host_id: HostId, at: datetime) -> list[Claim]:
    """Lists the claims on a host that were freed at exactly this time."""
    statement = select(claims).where(claims.c.host_id == host_id, claims.c.state == str(ClaimState.FREED))
    return [_claim(row) for row in tx.execute(statement.where(claims.c.updated == at).order_by(claims.c.id))]


def move_claims(tx: Tx, moved: Iterable[Claim], state: ClaimState, now: datetime) -> None:
    """Changes the state of claims; raises `Conflict` for a transition that is not allowed."""
    moving = list(moved)
    for claim in moving:
        check_claim_transition(claim.state, state)
        seen = {"allocated": now} if state is ClaimState.ALLOCATED else {}
        tx.execute(update(claims).where(claims.c.id == claim.id).values(state=str(state), updated=now, **seen))
    _note(tx, moving, state, now)


def release_claims(tx: Tx, released: Iterable[Claim], generation: int, now: datetime) -> None:
    """Marks claims as releasing since this generation of the host; a report of it or a later one frees them."""
    going = list(released)
    for claim in going:
        check_claim_transition(claim.state, ClaimState.RELEASING)
        values = {"state": str(ClaimState.RELEASING), "generation": generation, "updated": now}
        tx.execute(update(claims).where(claims.c.id == claim.id).values(**values))
    _note(tx, going, ClaimState.RELEASING, now)


def _note(tx: Tx, moved: list[Claim], state: ClaimState, now: datetime) -> None:
    if moved:
        ledger.note(tx, [claim.id for claim in moved], state, now)


def _claim(row: Row[tuple[object, ...]]) -> Claim:
    values = dict(row._mapping)
    return Claim(**(values | {"state": ClaimState(str(values["state"]))}))


def forget_host(tx: Tx, host_id: HostId, *, live: bool = False) -> None:
    """Deletes the freed claims of a host; with `live` all of its claims."""
    statement = claims.delete().where(claims.c.host_id == host_id)
    tx.execute(statement if live else statement.where(claims.c.state == str(ClaimState.FREED)))
