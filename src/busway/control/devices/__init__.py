"""Devices as an operator sees them.

Entry points: `listing` lists them and tells their stories, `recycle` offers a used one again.
"""
