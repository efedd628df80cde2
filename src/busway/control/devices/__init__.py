"""Devices as an operator sees them: begin with `listing`."""
