"""What the control plane does without being asked. Each module with a `LOOP` is one loop.

Entry points: `run` runs them all, `loop` defines a loop, `items` handles each of many items separately, `record`
counts.

To add a loop, add a module here: a function that does one turn, and `LOOP = Loop(name, seconds, turn)`. A turn over
items of many tenants handles each separately (`items`). What the loops did is in `Control.loops`, for metrics.
"""
