"""Chooses hosts and devices for servers.

Entry points: `place` is one turn of the placer, `plan` the same decision with nothing written, `snapshot` what both decide on.
"""
