"""The image API v2: register, upload, read, change and delete; every file holds one part and its table."""

from busway.api.image import (
    data,
    images,
    imports,
    locations,
    members,
    metadef_parts,
    metadefs,
    schemas,
    stores,
    tags,
    usage,
    versions,
)

OPERATIONS = (
    *versions.OPERATIONS,
    *schemas.OPERATIONS,
    *images.OPERATIONS,
    *tags.OPERATIONS,
    *members.OPERATIONS,
    *locations.OPERATIONS,
    *stores.OPERATIONS,
    *usage.OPERATIONS,
    *imports.OPERATIONS,
    *metadefs.OPERATIONS,
    *metadef_parts.OPERATIONS,
    *data.OPERATIONS,
)
