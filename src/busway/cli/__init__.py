"""The `busway` command; it talks HTTP to the control plane, or to the hardware library for local questions."""
