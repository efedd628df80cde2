"""Revisions of the schema, forward only: `versions` has one file per change; `busway.store.schema` runs them.

Must not: import tables or other code of Busway in a revision. A revision says what a schema was, whatever the code becomes.
"""
