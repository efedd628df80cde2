"""What the identity API answers: the building blocks of its bodies."""

from __future__ import annotations

from collections.abc import Mapping

from busway.api.answer import (
    ANYTHING,
    FALSE,
    NOTHING,
    NUMBER,
    TEXT,
    TRUE,
    TRUTH,
    Property,
    array,
    choice,
    mapping,
    nullable,
    optional,
    shape,
    words,
    wrap,
    wrap_list,
)
from busway.api.schema import Definition

SELF = shape({"self": TEXT})
PAGE = shape({"next": nullable(TEXT), "self": optional(TEXT), "previous": optional(NOTHING)})
_OPTIONS = mapping(ANYTHING)
_NAMED = shape({"id": TEXT, "name": TEXT})
_OWNED = shape({"id": TEXT, "name": TEXT, "domain": _NAMED})
_ALL = shape({"all": TRUE})


def _own(properties: Mapping[str, Property], title: str) -> Definition:
    """A thing that has attributes of its maker's own beside these."""
    return {**shape(properties, title), "additionalProperties": ANYTHING}


_TREE = nullable(choice(array(ANYTHING), mapping(ANYTHING)))
PROJECT = _own(
    {
        "id": TEXT,
        "name": TEXT,
        "description": TEXT,
        "enabled": TRUTH,
        "domain_id": nullable(TEXT),
        "parent_id": nullable(TEXT),
        "is_domain": TRUTH,
        "tags": array(TEXT),
        "options": _OPTIONS,
        "links": SELF,
        "parents": optional(_TREE),
        "subtree": optional(_TREE),
    },
    "project",
)
DOMAIN = _own(
    {
        "id": TEXT,
        "name": TEXT,
        "description": TEXT,
        "enabled": TRUTH,
        "tags": array(TEXT),
        "options": _OPTIONS,
        "links": SELF,
    },
    "domain",
)
TAGS = shape({"tags": array(TEXT), "links": PAGE})
USER = _own(
    {
        "id": TEXT,
        "name": TEXT,
        "enabled": TRUTH,
        "description": TEXT,
        "domain_id": TEXT,
        "password_expires_at": nullable(TEXT),
        "options": _OPTIONS,
        "links": SELF,
        "email": optional(TEXT),
        "default_project_id": optional(TEXT),
    },
    "user",
)
GROUP = _own({"id": TEXT, "name": TEXT, "description": TEXT, "domain_id": TEXT, "links": SELF}, "group")
ROLE = _own(
    {
        "id": TEXT,
        "name": TEXT,
        "description": nullable(TEXT),
        "domain_id": nullable(TEXT),
        "options": _OPTIONS,
        "links": SELF,
    },
    "role",
)
_ROLE = shape({"id": TEXT, "name": TEXT, "links": SELF, "domain_id": optional(TEXT)})
INFERENCE = wrap("role_inference", shape({"prior_role": _ROLE, "implies": _ROLE}), links=PAGE)
_IMPLIED = shape({"prior_role": _ROLE, "implies": array(_ROLE)}, "implied-roles")
IMPLIED = wrap("role_inference", _IMPLIED, links=PAGE)
_HOLDER = shape({"id": TEXT, "name": optional(TEXT), "domain": optional(_NAMED)})
ASSIGNMENT = shape(
    {
        "role": _HOLDER,
        "user": optional(_HOLDER),
        "group": optional(_HOLDER),
        "scope": shape(
            {
                "project": optional(_HOLDER),
                "domain": optional(_HOLDER),
                "system": optional(_ALL),
                "OS-INHERIT:inherited_to": optional(words("projects")),
            }
        ),
        "links": shape({"assignment": TEXT, "membership": optional(TEXT), "prior_role": optional(TEXT)}),
    },
    "assignment",
)
_ENDPOINT: Definition = {
    "id": TEXT,
    "interface": words("public", "internal", "admin"),
    "region": nullable(TEXT),
    "region_id": nullable(TEXT),
    "url": TEXT,
}
CATALOG = array(
    shape({"id": TEXT, "type": TEXT, "name": TEXT, "endpoints": array(shape(_ENDPOINT))}, "catalog-entry"),
)
SERVICE = _own(
    {"id": TEXT, "type": TEXT, "name": TEXT, "description": TEXT, "enabled": TRUTH, "links": SELF}, "service"
)
ENDPOINT = _own({**_ENDPOINT, "service_id": TEXT, "enabled": TRUTH, "links": SELF}, "endpoint")
REGION = _own({"id": TEXT, "description": TEXT, "parent_region_id": nullable(TEXT), "links": SELF}, "region")
ACCESS_RULE = shape({"id": TEXT, "service": TEXT, "method": TEXT, "path": TEXT}, "access-rule")
_CREDENTIAL: Definition = {
    "id": TEXT,
    "name": TEXT,
    "description": TEXT,
    "user_id": TEXT,
    "project_id": TEXT,
    "system": NOTHING,
    "roles": array(shape({"id": TEXT, "name": TEXT, "domain_id": NOTHING})),
    "expires_at": nullable(TEXT),
    "unrestricted": TRUTH,
    "links": SELF,
    "access_rules": optional(array(ACCESS_RULE)),
}
CREDENTIAL = shape(_CREDENTIAL, "application-credential")
NEW_CREDENTIAL = shape({**_CREDENTIAL, "secret": TEXT}, "new-application-credential")
KEPT_CREDENTIAL = shape(
    {
        "id": TEXT,
        "type": TEXT,
        "user_id": TEXT,
        "project_id": nullable(TEXT),
        "blob": nullable(TEXT),
        "links": SELF,
    },
    "credential",
)
ACCESS_KEY = shape(
    {
        "access": TEXT,
        "secret": nullable(TEXT),
        "user_id": TEXT,
        "tenant_id": TEXT,
        "trust_id": NOTHING,
        "links": SELF,
    },
    "access-key",
)
_ID = shape({"id": TEXT})
REGISTERED_LIMIT = shape(
    {
        "id": TEXT,
        "service_id": TEXT,
        "region_id": nullable(TEXT),
        "resource_name": TEXT,
        "default_limit": NUMBER,
        "description": nullable(TEXT),
        "links": SELF,
    },
    "registered-limit",
)
LIMIT = shape(
    {
        "id": TEXT,
        "service_id": TEXT,
        "region_id": nullable(TEXT),
        "resource_name": TEXT,
        "resource_limit": NUMBER,
        "project_id": nullable(TEXT),
        "domain_id": nullable(TEXT),
        "description": nullable(TEXT),
        "links": SELF,
    },
    "limit",
)
LIMIT_MODEL = wrap("model", shape({"name": TEXT, "description": TEXT}, "limit-model"))
TRUST = shape(
    {
        "id": TEXT,
        "trustor_user_id": TEXT,
        "trustee_user_id": TEXT,
        "project_id": TEXT,
        "impersonation": TRUTH,
        "expires_at": nullable(TEXT),
        "deleted_at": NOTHING,
        "remaining_uses": nullable(NUMBER),
        "redelegation_count": NUMBER,
        "redelegated_trust_id": nullable(TEXT),
        "links": SELF,
        "roles": optional(array(ROLE)),
        "roles_links": optional(PAGE),
    },
    "trust",
)
TOKEN = shape(
    {
        "methods": array(TEXT),
        "user": shape({"id": TEXT, "name": TEXT, "domain": _NAMED, "password_expires_at": nullable(TEXT)}),
        "audit_ids": array(TEXT),
        "issued_at": TEXT,
        "expires_at": TEXT,
        "project": optional(_OWNED),
        "is_domain": optional(FALSE),
        "domain": optional(_NAMED),
        "system": optional(_ALL),
        "roles": optional(array(_NAMED)),
        "catalog": optional(CATALOG),
        "application_credential": optional(
            shape({"id": TEXT, "name": TEXT, "restricted": TRUTH, "access_rules": optional(array(ACCESS_RULE))})
        ),
        "OS-TRUST:trust": optional(
            shape({"id": TEXT, "impersonation": TRUTH, "trustor_user": _ID, "trustee_user": _ID})
        ),
    },
    "token",
)
INFERENCES = wrap_list("role_inferences", _IMPLIED, links=PAGE)
SYSTEM = shape({"system": array(_ALL), "links": PAGE})
_VERSION = shape(
    {
        "id": TEXT,
        "status": words("stable"),
        "updated": TEXT,
        "links": array(shape({"rel": TEXT, "href": TEXT})),
        "media-types": array(shape({"base": TEXT, "type": TEXT})),
    },
    "version",
)
VERSION = wrap("version", _VERSION)
VERSIONS = wrap("versions", wrap_list("values", _VERSION))


def listed(key: str, schema: Definition) -> Definition:
    """{key: a list of things} with the links of its page."""
    return wrap_list(key, schema, links=PAGE)
