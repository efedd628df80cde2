"""Placement's rules, with its names; other services read as admins do."""

from __future__ import annotations

from busway.policy.rule import ADMIN, READER, Rule, rules

_SERVICE = "rule:service_or_admin"
_PROVIDERS = "placement:resource_providers:"

RULES = (
    *rules(_PROVIDERS, _SERVICE, list="List resource providers", show="Show a resource provider"),
    *rules(
        _PROVIDERS,
        _SERVICE,
        create="Create a resource provider, which hosts do by reporting",
        update="Change a resource provider, which hosts do by reporting",
        delete="Delete a resource provider, which goes with its host",
        inventories__list="List what a provider has",
        inventories__show="Show what a provider has of one class",
        inventories__create="Add an inventory, which hosts do by reporting",
        inventories__update="Hold devices of a provider back, or let them go",
        inventories__delete="Delete an inventory, which goes with its devices",
        usages="Show what is used of a provider",
        aggregates__list="List the aggregates of a provider",
        aggregates__update="Set the aggregates of a provider, which the compute API does",
        allocations__list="List who takes what of a provider",
        traits__list="List the traits of a provider",
        traits__update="Give a host traits",
        traits__delete="Take a host's given traits away",
    ),
    *rules(
        "placement:traits:",
        _SERVICE,
        list="List traits",
        show="See whether a trait exists",
        update="Name a custom trait",
        delete="Forget a custom trait",
    ),
    *rules(
        "placement:resource_classes:",
        _SERVICE,
        list="List resource classes",
        show="See whether a resource class exists",
        create="Create a resource class, which device specs do",
        update="Make sure that a resource class exists",
        delete="Delete a resource class, which goes with its device specs",
    ),
    *rules(
        "placement:allocations:",
        _SERVICE,
        list="List what a server takes",
        update="Set allocations, which placing a server does",
        manage="Set allocations of several servers, which placing them does",
        delete="Delete allocations, which go with their servers",
    ),
    Rule("placement:allocation_candidates:list", _SERVICE, "Ask which providers could serve a request"),
    Rule("placement:usages", READER, "See what a project's servers take"),
    Rule("placement:reshaper:reshape", ADMIN, "Move inventories and allocations between providers"),
)
