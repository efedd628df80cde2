"""Benchmarks: each prints its figure and the ratio to a limit or a peer measured in the same run."""
