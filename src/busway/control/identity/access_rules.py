"""The use cases of access rules: which requests an application credential may make.

Rules belong to a user. They are created with application credentials, stay when those are deleted, and are deleted
separately.
"""

from __future__ import annotations

from busway.control.context import Control
from busway.control.identity.application_credentials import check_unrestricted
from busway.control.identity.tree import TURN
from busway.domain.application_credential import AccessRule
from busway.domain.caller import Caller
from busway.domain.errors import Forbidden, NotFound
from busway.policy import authorize
from busway.store import access_rules as store
from busway.store import application_credentials
from busway.store.access_rules import AccessRuleFilter
from busway.store.database import Tx, take_turn


def list_rules(control: Control, caller: Caller, user_id: str, wanted: AccessRuleFilter) -> list[AccessRule]:
    """Lists the access rules of a user that match a filter."""
    authorize(caller, "identity:list_access_rules", {"user_id": user_id, "target.user.id": user_id})
    with control.db.read() as tx:
        return store.list_rules(tx, user_id, wanted)


def get_rule(control: Control, caller: Caller, user_id: str, rule_id: str) -> AccessRule:
    """Returns one access rule of a user; raises `NotFound`."""
    authorize(caller, "identity:get_access_rule", {"user_id": user_id, "target.user.id": user_id})
    with control.db.read() as tx:
        return _get(tx, user_id, rule_id)


def delete_rule(control: Control, caller: Caller, user_id: str, rule_id: str) -> None:
    """Deletes an access rule; raises `Forbidden` while an application credential of the user has it."""
    authorize(caller, "identity:delete_access_rule", {"user_id": user_id, "target.user.id": user_id})
    check_unrestricted(caller)
    with control.db.write() as tx:
        take_turn(tx, TURN)
        rule = _get(tx, user_id, rule_id)
        for each in application_credentials.list_credentials(tx, user_id):
            if rule in (each.access_rules or ()):
                raise Forbidden(
                    f"Application credential {each.name} has access rule {rule.id}",
                    remedy=f"Delete that first: openstack application credential delete {each.id}",
                    code="access-rule-in-use",
                )
        store.delete_rule(tx, user_id, rule.id)


def _get(tx: Tx, user_id: str, rule_id: str) -> AccessRule:
    found = store.find_rule(tx, user_id, rule_id)
    if found is None:
        raise NotFound(
            f"Could not find access rule: {rule_id}",
            remedy="List them: openstack access rule list",
            code="access-rule-not-found",
        )
    return found
