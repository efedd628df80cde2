"""Users, groups, projects, domains, roles, tokens and the service catalog: OpenStack's identity API.

`proof` authenticates, `tokens` issues tokens, `bearer` turns a token into a `Caller`, and `directory` creates what
the first start needs. Each other module has the use cases of one resource: one transaction each, after `authorize`
has asked its rule of rights.
"""
