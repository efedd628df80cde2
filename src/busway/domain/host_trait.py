"""How flavors and images ask for traits of hosts: `trait:NAME=required` and `trait:NAME=forbidden`, as in Nova."""

TRAIT = "trait:"
TRAIT_WORDS = ("required", "forbidden")
