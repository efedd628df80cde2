"""What the control plane does without being asked. Each module with a `LOOP` is one loop.

Entry points: `run` runs them all, `loop` says what one is, `items` treats each of many things alone, `record` counts.

To add a loop, add a module here: a function that does one turn, and `LOOP = Loop(name, seconds, turn)`. A turn that treats
many tenants' things treats each alone (`items`). What the loops did is in `Control.loops`, for metrics.
"""
