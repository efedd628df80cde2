"""What an agent asks of the control plane.

Entry points: `access` is all that the agents' endpoints call, `desired` makes a host's document, `images` gives it data.
"""
