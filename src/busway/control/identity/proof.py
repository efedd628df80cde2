"""Authentication: by a password, a passcode, an earlier token, an application credential, or by several of them together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from busway.control.context import Control
from busway.control.identity.bearer import authenticate, digest
from busway.control.identity.lockout import check_may_try, note_failure, note_success
from busway.control.identity.passwords import NO_PASSWORD, passwords
from busway.control.identity.vault import unseal
from busway.domain.errors import BadInput, Forbidden, NotAuthenticated, NotFound
from busway.domain.identity import DOMAIN_ID, DOMAIN_NAME, Project, User
from busway.domain.totp import STEP_SECONDS, TOTP, find_step, read_secret
from busway.store import application_credentials, audit, projects
from busway.store import credentials as credential_store
from busway.store import identity_tokens as token_store
from busway.store import users as store
from busway.store.credentials import CredentialFilter
from busway.store.database import Tx, take_turn

_NEXT_CODE = "Give the code that the app shows next; check the clocks of its device and of the control plane."
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client sends to authenticate, with the fields of each method.

    - `password`: `user` (an id, or a name in `user_domain`, which is itself an id or a name) and `password`.
    - `totp`: `passcode`, and `totp_user` in `totp_domain` as for `password`.
    - `token`: an earlier token.
    - `application_credential`: `credential_id`, or `credential_name` and `user`; and `secret`.
    """

    methods: tuple[str, ...]
    user: str = ""
    password: str = ""
    token: str = ""
    credential_id: str = ""
    credential_name: str = ""
    secret: str = ""
    user_domain: str = DOMAIN_ID
    totp_user: str = ""
    passcode: str = ""
    totp_domain: str = DOMAIN_ID


@dataclass(frozen=True, slots=True)
class Proof:
    """An authenticated user, and what limits the token that is issued for them.

    `expires` is the latest expiry. `parent` is the digest of the token it comes from, `credential_id` the
    application credential, `made_by` the access key of a signed request. `settle` is called in the transaction that
    stores the token.
    """

    user: User
    methods: frozenset[str]
    expires: datetime = NEVER
    parent: str | None = None
    credential_id: str | None = None
    project_id: str | None = None
    made_by: str | None = None
    settle: Callable[[Tx, datetime], None] = lambda _tx, _now: None


def prove(control: Control, credentials: Credentials, address: str) -> Proof:
    """Checks every method of the request.

    Raises `NotAuthenticated` unless all succeed for the same user, and are what the user's rules of multi-factor
    authentication ask for.
    """
    proofs = [_METHODS[method](control, credentials, address) for method in dict.fromkeys(credentials.methods)]
    first = proofs[0]
    if any(each.user.id != first.user.id for each in proofs):
        raise NotAuthenticated(
            "The request you have made requires authentication",
            detail="Its methods name different users.",
            remedy="Use the same user in all of them.",
            code="auth-method",
        )
    together = first
    for each in proofs[1:]:
        together = replace(
            together,
            methods=together.methods | each.methods,
            expires=min(together.expires, each.expires),
            parent=together.parent or each.parent,
            credential_id=together.credential_id or each.credential_id,
            project_id=together.project_id or each.project_id,
            settle=_both(together.settle, each.settle),
        )
    _check_factors(together)
    return together


def _check_factors(proof: Proof) -> None:
    """Raises `NotAuthenticated` unless the methods hold all of one of the user's rules; without rules any method is enough.

    As in Keystone the methods count from which an earlier token came, and an application credential is one of the methods.
    """
    rules = proof.user.options.get("multi_factor_auth_rules") or []
    is_asked = proof.user.options.get("multi_factor_auth_enabled") and rules
    if not is_asked or any(proof.methods.issuperset(rule) for rule in rules):
        return
    ways = ", or ".join(" with ".join(rule) for rule in rules)
    raise NotAuthenticated(
        "The request you have made requires authentication",
        detail=f"User {proof.user.name} proves who they are by several methods in one request: {ways}.",
        remedy="openstack --os-auth-type v3multifactor --os-auth-methods v3password,v3totp --os-passcode CODE, with the methods of a rule; "
        "for a program, let an admin add the rule application_credential.",
        code="auth-factors",
    )


def check_password(
    control: Control,
    reference: str,
    password: str,
    address: str,
    domain: str = DOMAIN_ID,
    *,
    may_be_expired: bool = False,
) -> Proof:
    """Authenticates a user, given by id or by name in a domain, with a password.

    Raises `NotAuthenticated` for a wrong password, an unknown or disabled user, an expired password (unless
    `may_be_expired`), and while the user must wait after failures. An outdated hash is renewed when the proof is
    settled.
    """
    with control.db.read() as tx:
        user = find_person(tx, reference, domain)
        known = store.get_password_hash(tx, user.id) if user else NO_PASSWORD
        is_enabled = user is not None and _is_enabled(tx, user)
    name = _login_name(user, reference, domain)
    audit.name_actor("", name, "")
    check_may_try(control, name, address)
    pool = passwords(control.settings)
    if not pool.check(known, password) or user is None or not is_enabled:
        note_failure(control, name, address)
        raise _wrong("The user name or the password is wrong, or the user is disabled.", "wrong-password")
    expires = password_expires(control, user)
    if expires is not None and expires <= control.now() and not may_be_expired:
        raise NotAuthenticated(
            f"The password is expired and needs to be changed for user: {user.id}",
            detail=f"It expired at {expires:%Y-%m-%d %H:%M:%S} UTC.",
            remedy="Change it: openstack user password set, or POST /identity/v3/users/ID/password with the old and the new one.",
            code="password-expired",
        )
    renewed = pool.hash(password) if pool.is_outdated(known) else None

    def settle(tx: Tx, now: datetime) -> None:
        if store.get_password_hash(tx, user.id) != known:
            raise _wrong("The password was changed meanwhile.", "wrong-password")
        if renewed is not None:
            store.save_password(tx, user.id, renewed)
        note_success(tx, name, address, now)

    return Proof(user, frozenset({"password"}), settle=settle)


def password_expires(control: Control, user: User) -> datetime | None:
    """Returns when the password of a user expires; None for never."""
    exempt = bool(user.options.get("ignore_password_expiry"))
    return control.settings.password_rules.expires(user.password_changed, exempt=exempt)


def find_person(tx: Tx, reference: str, domain: str) -> User | None:
    """Returns a user by id, or by name in a domain that is given by id or name; None if there is none."""
    user = store.find_user(tx, reference)
    if user is None:
        found = find_domain(tx, domain)
        user = store.find_user_by_name(tx, reference, found.id) if found else None
    return user


def find_domain(tx: Tx, reference: str) -> Project | None:
    """Returns a domain by id or name; None if there is none."""
    found = projects.find_project(tx, reference)
    return found if found is not None and found.is_domain else projects.find_project_by_name(tx, reference, "")


def _is_enabled(tx: Tx, user: User) -> bool:
    return user.enabled and projects.get_domain(tx, user.domain_id).enabled


def _login_name(user: User | None, reference: str, domain: str) -> str:
    """Returns the name that failures are counted under: NAME in the default domain, NAME@DOMAIN in others."""
    name, domain = (user.name, user.domain_id) if user else (reference, domain)
    return name if domain in (DOMAIN_ID, DOMAIN_NAME) else f"{name}@{domain}"


def _by_password(control: Control, credentials: Credentials, address: str) -> Proof:
    return check_password(control, credentials.user, credentials.password, address, credentials.user_domain)


def _by_totp(control: Control, credentials: Credentials, address: str) -> Proof:
    with control.db.read() as tx:
        user = find_person(tx, credentials.totp_user, credentials.totp_domain)
        is_enabled = user is not None and _is_enabled(tx, user)
        wanted = CredentialFilter(user.id, TOTP) if user else None
        kept = credential_store.list_credentials(tx, wanted) if wanted else []
    name = _login_name(user, credentials.totp_user, credentials.totp_domain)
    audit.name_actor("", name, "")
    check_may_try(control, name, address)
    blobs = [unseal(control, sealed.text, sealed.key_hash, each.id) for each, sealed in kept]
    found = [step for blob in blobs if (step := _step(control, blob, credentials.passcode)) is not None]
    if not found or user is None or not is_enabled:
        note_failure(control, name, address)
        raise _wrong("The passcode is wrong or too old.", "wrong-passcode", _NEXT_CODE)
    began = datetime.fromtimestamp(max(found) * STEP_SECONDS, UTC)

    def settle(tx: Tx, now: datetime) -> None:
        # RFC 6238, 5.2: a passcode opens once.
        take_turn(tx, TOTP)
        if token_store.has_logged_in(tx, user.id, TOTP, began):
            raise _wrong("The passcode was used already.", "passcode-used", _NEXT_CODE)
        note_success(tx, name, address, now)

    return Proof(user, frozenset({TOTP}), settle=settle)


def _step(control: Control, blob: str, given: str) -> int | None:
    try:
        secret = read_secret(blob)
    except BadInput:  # kept by a release that did not read it
        return None
    return find_step(secret, given, control.now())


def _by_token(control: Control, credentials: Credentials, _address: str) -> Proof:
    try:
        caller = authenticate(control, credentials.token)
    except NotAuthenticated as error:  # as in Keystone, where it is a thing that is not found
        raise NotFound(error.brief, detail=error.detail, remedy=error.remedy, code="token-not-found") from error
    parent = digest(credentials.token)
    with control.db.read() as tx:
        row = token_store.find_token(tx, parent)
        user = store.get_user(tx, caller.user_id)
    assert row is not None
    if row.trust_id is not None:
        raise Forbidden(
            "A token of a trust gives no other token",
            remedy="Log in as the trustee, and name the trust.",
            code="trust-delegated",
        )
    project_id = row.project_id if row.credential_id is not None else None
    methods = frozenset({"token", *row.methods})
    return Proof(user, methods, row.expires, parent, row.credential_id, project_id)


def _by_credential(control: Control, credentials: Credentials, address: str) -> Proof:
    with control.db.read() as tx:
        found = application_credentials.find_credential(tx, credentials.credential_id)
        user = find_person(tx, credentials.user, credentials.user_domain)
        if not credentials.credential_id and user is not None:
            found = application_credentials.find_credential_by_name(tx, user.id, credentials.credential_name)
        owner = store.find_user(tx, found.user_id) if found is not None else None
        is_enabled = owner is not None and _is_enabled(tx, owner)
        known = application_credentials.get_secret_hash(tx, found.id) if found is not None else NO_PASSWORD
    name = f"credential {found.id if found else credentials.credential_id or credentials.credential_name}"
    audit.name_actor("", name, "")
    check_may_try(control, name, address)
    matches = passwords(control.settings).check(known, credentials.secret)
    if not matches or found is None or owner is None or not is_enabled:
        note_failure(control, name, address)
        raise _wrong("The application credential or its secret is wrong.", "wrong-credential")
    if found.expires is not None and found.expires <= control.now():
        raise _wrong(
            f"The application credential expired at {found.expires:%Y-%m-%d %H:%M:%S} UTC.", "credential-expired"
        )

    def settle(tx: Tx, now: datetime) -> None:
        if application_credentials.find_credential(tx, found.id) is None:
            raise _wrong("The application credential was deleted meanwhile.", "wrong-credential")
        note_success(tx, name, address, now)

    return Proof(
        owner,
        frozenset({"application_credential"}),
        found.expires or NEVER,
        credential_id=found.id,
        project_id=found.project_id,
        settle=settle,
    )


def _both(
    first: Callable[[Tx, datetime], None], second: Callable[[Tx, datetime], None]
) -> Callable[[Tx, datetime], None]:
    def settle(tx: Tx, now: datetime) -> None:
        first(tx, now)
        second(tx, now)

    return settle


def _wrong(
    detail: str, code: str, remedy: str = "Check OS_USERNAME and OS_PASSWORD, or the clouds.yaml that you use."
) -> NotAuthenticated:
    return NotAuthenticated(
        "The request you have made requires authentication",
        detail=detail,
        remedy=remedy,
        code=code,
    )


_METHODS: dict[str, Callable[[Control, Credentials, str], Proof]] = {
    "password": _by_password,
    TOTP: _by_totp,
    "token": _by_token,
    "application_credential": _by_credential,
}
METHODS = tuple(_METHODS)
