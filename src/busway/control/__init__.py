"""Use cases and loops of the control plane; it knows no HTTP and touches no host.

A use case is a function that takes `Control` (the seams) and a `Caller` first. Folders name capabilities; each says its entry
points. `api`, `store` and `cli` use the same words.
"""
