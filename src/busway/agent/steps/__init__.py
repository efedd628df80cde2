"""One module per step: preflight, act, verify; each is harmless when executed twice."""
