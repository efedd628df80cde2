"""Versioned messages between control plane and agent: what they look like as JSON; it sends nothing."""
