"""The operator's hosts.

Entry points: `registry` adds, lists, enables and disables them, `forget` deletes one, a lost one too.
"""
