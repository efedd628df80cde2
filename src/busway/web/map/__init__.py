"""The GPU map: `state` says of each device what the map shows, `layout` where in its host's cabinet (both pure)."""
