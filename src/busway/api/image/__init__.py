"""The image API v2: register, upload, read, change and delete; every file holds one part and its table."""

from busway.api.image import data, images, imports, members, metadef_parts, metadefs, schemas, tags, versions

OPERATIONS = (
    *versions.OPERATIONS,
    *schemas.OPERATIONS,
    *images.OPERATIONS,
    *tags.OPERATIONS,
    *members.OPERATIONS,
    *imports.OPERATIONS,
    *metadefs.OPERATIONS,
    *metadef_parts.OPERATIONS,
    *data.OPERATIONS,
)
