"""Images: metadata and data.

- `catalogue`: create, list, change and delete images. `members`: share them. `metadefs`: definitions of their
  properties.
- `upload`: takes data in. `importing` and `import_run`: imports. `conversion`: other disk formats. `web_download`:
  data from a URL.
- `internal`: disks that hosts upload. `purge`: deletes data that is no longer needed. `published`: the catalogue of
  ready images.
"""
