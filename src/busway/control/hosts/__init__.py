"""The operator's hosts: begin with `registry`."""
