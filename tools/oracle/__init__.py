"""`make oracle`: Nova's own alias and device_spec code beside Busway's, over thousands of generated cases.

Nova lives in an environment of its own and answers over a pipe (`peer`); Busway answers here (`ours`). Each case where they
differ belongs to a class (`differences`), and each class has its reason in docs/reference/nova-differences.md.
"""
