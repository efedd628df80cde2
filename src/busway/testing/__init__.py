"""Honest fakes of the seams, for tests of Busway and of programs built on it."""
