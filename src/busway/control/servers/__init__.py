"""What a user does with a server, and how it ends.

Entry points: `create`, `read`, `change` (name and description) and `delete`; `power`, `rebuild`, `shelve` and `image` are acts of their own;
`why` tells a server's story. `access` finds a server for its user, `leave` takes it off hosts, `fail` ends it in ERROR.
Moves between hosts and sizes are in `control.moves`.
"""
