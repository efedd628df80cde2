"""What the identity API answers: the building blocks of its bodies."""

from __future__ import annotations

from busway.api.answer import (
    ANYTHING,
    EMPTY,
    FALSE,
    NOTHING,
    TEXT,
    TRUE,
    TRUTH,
    array,
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
_PAGE = shape({"next": nullable(TEXT), "self": optional(TEXT), "previous": optional(NOTHING)})
_OPTIONS = mapping(ANYTHING)
_NAMED = shape({"id": TEXT, "name": TEXT})
_OWNED = shape({"id": TEXT, "name": TEXT, "domain": _NAMED})
_ALL = shape({"all": TRUE})

PROJECT = shape(
    {
        "id": TEXT,
        "name": TEXT,
        "description": TEXT,
        "enabled": TRUTH,
        "domain_id": TEXT,
        "parent_id": TEXT,
        "is_domain": FALSE,
        "tags": EMPTY,
        "options": _OPTIONS,
        "links": SELF,
    },
    "project",
)
DOMAIN = shape(
    {
        "id": TEXT,
        "name": TEXT,
        "description": TEXT,
        "enabled": TRUTH,
        "tags": EMPTY,
        "options": _OPTIONS,
        "links": SELF,
    },
    "domain",
)
USER = shape(
    {
        "id": TEXT,
        "name": TEXT,
        "enabled": TRUTH,
        "description": TEXT,
        "domain_id": TEXT,
        "password_expires_at": NOTHING,
        "options": _OPTIONS,
        "links": SELF,
        "email": optional(TEXT),
        "default_project_id": optional(TEXT),
    },
    "user",
)
ROLE = shape(
    {
        "id": TEXT,
        "name": TEXT,
        "description": NOTHING,
        "domain_id": NOTHING,
        "options": _OPTIONS,
        "links": SELF,
    },
    "role",
)
_HOLDER = shape({"id": TEXT, "name": optional(TEXT), "domain": optional(_NAMED)})
ASSIGNMENT = shape(
    {
        "role": shape({"id": TEXT, "name": optional(TEXT)}),
        "user": _HOLDER,
        "scope": shape({"project": _HOLDER}),
        "links": _OPTIONS,
    },
    "assignment",
)
_ENDPOINT: Definition = {
    "id": TEXT,
    "interface": words("public", "internal", "admin"),
    "region": TEXT,
    "region_id": TEXT,
    "url": TEXT,
}
CATALOG = array(
    shape({"id": TEXT, "type": TEXT, "name": TEXT, "endpoints": array(shape(_ENDPOINT))}, "catalog-entry"),
)
SERVICE = shape({"id": TEXT, "type": TEXT, "name": TEXT, "enabled": TRUTH, "links": _OPTIONS}, "service")
ENDPOINT = shape({**_ENDPOINT, "service_id": TEXT, "enabled": TRUTH, "links": _OPTIONS}, "endpoint")
REGION = shape({"id": TEXT, "description": TEXT, "parent_region_id": NOTHING, "links": _OPTIONS}, "region")
ACCESS_RULE = shape({"id": TEXT, "service": TEXT, "method": TEXT, "path": TEXT}, "access-rule")
_CREDENTIAL: Definition = {
    "id": TEXT,
    "name": TEXT,
    "description": TEXT,
    "user_id": TEXT,
    "project_id": TEXT,
    "roles": array(shape({"name": TEXT})),
    "expires_at": nullable(TEXT),
    "unrestricted": TRUTH,
    "links": SELF,
    "access_rules": optional(array(ACCESS_RULE)),
}
CREDENTIAL = shape(_CREDENTIAL, "application-credential")
NEW_CREDENTIAL = shape({**_CREDENTIAL, "secret": TEXT}, "new-application-credential")
TOKEN = shape(
    {
        "methods": array(TEXT),
        "user": shape({"id": TEXT, "name": TEXT, "domain": _NAMED, "password_expires_at": NOTHING}),
        "audit_ids": array(TEXT),
        "issued_at": TEXT,
        "expires_at": TEXT,
        "project": optional(_OWNED),
        "is_domain": optional(FALSE),
        "system": optional(_ALL),
        "roles": optional(array(_NAMED)),
        "catalog": optional(CATALOG),
        "application_credential": optional(
            shape({"id": TEXT, "name": TEXT, "restricted": TRUTH, "access_rules": optional(array(ACCESS_RULE))})
        ),
    },
    "token",
)
SYSTEM = shape({"system": array(_ALL), "links": SELF})
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
    return wrap_list(key, schema, links=_PAGE)
