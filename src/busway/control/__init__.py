"""Use cases and loops of the control plane; it knows no HTTP and touches no host."""
