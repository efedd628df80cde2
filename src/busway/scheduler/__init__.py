"""Decides where a server goes: `place(snapshot, request)` gives a Placement or a Refusal; it never commits anything."""
