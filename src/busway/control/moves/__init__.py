"""Servers on their way to another host or size: `resize` and `evacuate` begin a move, `advance` takes it further."""
