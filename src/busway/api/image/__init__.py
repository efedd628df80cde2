"""The image API v2: register, upload, read, change and delete; every file holds one part and its table."""

from busway.api.image import data, images, imports, members, metadef_parts, metadefs, schemas, stores, tags, versions

OPERATIONS = (
    *versions.OPERATIONS,
    *schemas.OPERATIONS,
    *images.OPERATIONS,
    *tags.OPERATIONS,
    *members.OPERATIONS,
    *stores.OPERATIONS,
    *imports.OPERATIONS,
    *metadefs.OPERATIONS,
    *metadef_parts.OPERATIONS,
    *data.OPERATIONS,
)
