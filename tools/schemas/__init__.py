"""Answers of the compute API beside the schemas that Nova keeps of its own answers."""
