"""Images and their data: `catalogue` has the use cases, `upload` the data."""
