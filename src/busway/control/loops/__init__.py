"""What the control plane does without being asked: `sweep`."""
