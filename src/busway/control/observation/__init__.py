"""Takes in what agents report.

Entry point: `report`. `inventory` is about devices, `leaving` about what is to go, `present` about what must be there, and
`fault` about what a host could not do.
"""
