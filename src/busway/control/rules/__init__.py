"""Aliases and device specs, of the file and made at run time.

Entry points: `in_force` is what holds now, `aliases` and `device_specs` change it, each through `change`.
"""
