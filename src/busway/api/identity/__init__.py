"""The identity API v3, as much of it as a cloud's clients need; every file holds one resource and its table."""

from busway.api.identity import credentials, projects, roles, tokens, users, versions

OPERATIONS = (
    *versions.OPERATIONS,
    *tokens.OPERATIONS,
    *projects.OPERATIONS,
    *users.OPERATIONS,
    *credentials.OPERATIONS,
    *roles.OPERATIONS,
)
