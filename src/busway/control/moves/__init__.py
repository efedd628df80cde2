"""Servers on their way to another host or size.

Entry points: `kinds/` has a module for each kind of move, which begins it and says what is special about it. `advance` takes
moves further, `verify` confirms or reverts them, `listing` lists them. `presence` says what a host must have of a server.
"""
