"""The project's own scripts: set-up, stages of checking, PostgreSQL for tests; standard library only."""
