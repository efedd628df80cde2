"""The identity API v3, as much of it as a cloud's clients need; every file holds one resource and its table."""

from busway.api.identity import credentials, federation, projects, roles, tokens, users, versions

OPERATIONS = (
    *versions.OPERATIONS,
    *tokens.OPERATIONS,
    *projects.OPERATIONS,
    *users.OPERATIONS,
    *credentials.OPERATIONS,
    *federation.OPERATIONS,
    *roles.OPERATIONS,
)
