"""Images and their data.

Entry points: `catalogue` has the use cases, `upload` takes data in, `internal` asks hosts for disks, `purge` forgets data, `published` says
where ready images are.
"""
