"""What Placement answers: the building blocks of its bodies, each at all microversions."""

from __future__ import annotations

from busway.api.answer import NUMBER, REAL, TEXT, Part, array, mapping, nullable, optional, shape, wrap_list
from busway.api.schema import Definition

_LINKS = array(shape({"rel": TEXT, "href": TEXT}, "link"))
_TEXT_OR_NULL = nullable(TEXT)
_AMOUNTS = mapping(NUMBER)
_GENERATION = {"resource_provider_generation": NUMBER}

VERSIONS = wrap_list(
    "versions", shape({"id": TEXT, "min_version": TEXT, "max_version": TEXT, "status": TEXT, "links": _LINKS})
)
PROVIDER = shape(
    {
        "uuid": TEXT,
        "name": TEXT,
        "generation": NUMBER,
        "links": _LINKS,
        "parent_provider_uuid": Part(_TEXT_OR_NULL, since=14),
        "root_provider_uuid": Part(TEXT, since=14),
    },
    "resource-provider",
)
_INVENTORY = {
    "total": NUMBER,
    "reserved": NUMBER,
    "min_unit": NUMBER,
    "max_unit": NUMBER,
    "step_size": NUMBER,
    "allocation_ratio": REAL,
}
INVENTORY = shape({**_INVENTORY, **_GENERATION}, "inventory")
INVENTORIES = shape({"inventories": mapping(shape(_INVENTORY)), **_GENERATION}, "inventories")
USAGES = shape({"usages": _AMOUNTS, **_GENERATION}, "provider-usages")
_BY_TYPE: Definition = {**_AMOUNTS, "required": ["consumer_count"]}
TOTAL_USAGES = shape({"usages": (Part(_AMOUNTS, until=37), Part(mapping(_BY_TYPE), since=38))}, "usages")
AGGREGATES = shape({"aggregates": array(TEXT), "resource_provider_generation": Part(NUMBER, since=19)}, "aggregates")
TRAITS = shape({"traits": array(TEXT)}, "traits")
PROVIDER_TRAITS = shape({"traits": array(TEXT), **_GENERATION}, "provider-traits")
RESOURCE_CLASS = shape({"name": TEXT, "links": _LINKS}, "resource-class")
_TAKEN = shape({"resources": _AMOUNTS, "consumer_generation": Part(NUMBER, since=28)})
PROVIDER_ALLOCATIONS = shape({"allocations": mapping(_TAKEN), **_GENERATION}, "provider-allocations")
ALLOCATIONS = shape(
    {
        "allocations": mapping(shape({"generation": NUMBER, "resources": _AMOUNTS})),
        "project_id": optional(TEXT, since=12),
        "user_id": optional(TEXT, since=12),
        "consumer_generation": optional(NUMBER, since=28),
        "consumer_type": optional(TEXT, since=38),
    },
    "allocations",
)
_LISTED = array(shape({"resource_provider": shape({"uuid": TEXT}), "resources": _AMOUNTS}))
_NAMED = mapping(shape({"resources": _AMOUNTS}))
_SUMMARY = shape(
    {
        "resources": mapping(shape({"capacity": NUMBER, "used": NUMBER})),
        "traits": Part(array(TEXT), since=17),
        "parent_provider_uuid": Part(_TEXT_OR_NULL, since=29),
        "root_provider_uuid": Part(TEXT, since=29),
    }
)
CANDIDATES = shape(
    {
        "allocation_requests": array(
            shape(
                {
                    "allocations": (Part(_LISTED, until=11), Part(_NAMED, since=12)),
                    "mappings": Part(mapping(array(TEXT)), since=34),
                }
            )
        ),
        "provider_summaries": mapping(_SUMMARY),
    },
    "allocation-candidates",
)
