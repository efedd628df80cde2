"""One host's agent: fetch, observe, plan, execute, report; it never sees the database."""
