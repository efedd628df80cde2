"""Nouns of the field, their invariants and the tree of errors; standard library only, no I/O, no clock."""
