"""The identity API v3, as much of it as a cloud's clients need; every file holds one resource and its table."""

from busway.api.identity import (
    application_credentials,
    assignments,
    domains,
    federation,
    grants,
    implied_roles,
    project_tags,
    projects,
    roles,
    tokens,
    user_groups,
    users,
    versions,
)

OPERATIONS = (
    *versions.OPERATIONS,
    *tokens.OPERATIONS,
    *domains.OPERATIONS,
    *projects.OPERATIONS,
    *project_tags.OPERATIONS,
    *users.OPERATIONS,
    *user_groups.OPERATIONS,
    *application_credentials.OPERATIONS,
    *federation.OPERATIONS,
    *roles.OPERATIONS,
    *implied_roles.OPERATIONS,
    *grants.OPERATIONS,
    *assignments.OPERATIONS,
)
