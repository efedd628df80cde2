"""Chooses hosts and devices for servers: `place` is the placer, `plan` the same decision with nothing written."""
