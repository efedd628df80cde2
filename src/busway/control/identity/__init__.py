"""Users, projects, roles and tokens.

Entry points: `directory` and `tokens`.
"""
