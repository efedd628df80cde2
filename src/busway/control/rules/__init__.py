"""Aliases and device specs, of the file and of run time: `in_force` is what holds now."""
