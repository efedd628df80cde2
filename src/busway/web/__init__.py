"""The web console under `/ui`: pages that the server renders, for people with a browser.

Entry point: `routes`, which bootstrap adds to the API's application. A page asks and acts as the API does: with the caller of
its session, through the same rules and the same operations. It speaks no SQL and decides nothing.
"""
