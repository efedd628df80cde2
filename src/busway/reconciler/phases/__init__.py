"""The phases of a plan, one module each: what has to be done of one concern for one server, as steps.

A phase takes what is desired of a server, what of it is here, and the host, and knows nothing of the other phases.
`busway.reconciler.plan` says in which order they go.
"""
