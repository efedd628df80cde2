"""Nova's rules for what Busway's compute API does."""

from __future__ import annotations

from busway.policy.rule import ADMIN, ANYONE, MANAGER, MEMBER, READER, Rule, rules

_API = "os_compute_api:"
_OWN_KEYS = f"({ADMIN}) or user_id:%(user_id)s"

_SERVERS = (
    *rules(
        f"{_API}servers:",
        READER,
        index="List servers",
        detail="List servers with their details",
        show="Show a server",
    ),
    *rules(
        f"{_API}servers:",
        MEMBER,
        create="Create a server",
        update="Rename or describe a server",
        delete="Delete a server",
        start="Start a server",
        stop="Stop a server",
        reboot="Reboot a server",
        rebuild="Rebuild a server",
        resize="Resize a server",
        confirm_resize="Confirm a resize or a migration",
        revert_resize="Revert a resize or a migration",
        create_image="Create an image of a server",
    ),
    *rules(f"{_API}os-pause-server:", MEMBER, pause="Pause a server", unpause="Unpause a server"),
    *rules(f"{_API}os-suspend-server:", MEMBER, suspend="Suspend a server", resume="Resume a suspended server"),
    Rule(f"{_API}os-rescue", MEMBER, "Rescue a server"),
    Rule(f"{_API}os-unrescue", MEMBER, "Let a rescued server boot from its own disk again"),
    *rules(f"{_API}os-lock-server:", MEMBER, lock="Lock a server", unlock="Unlock a server"),
    Rule(f"{_API}os-lock-server:unlock:unlock_override", ADMIN, "Unlock a server that an admin has locked"),
    Rule(f"{_API}os-admin-actions:reset_state", ADMIN, "Set a server's state to active or error"),
    Rule(f"{_API}os-admin-password", MEMBER, "Change the password in a guest"),
    *rules(f"{_API}os-deferred-delete:", MEMBER, force="Delete a server at once", restore="Restore a deleted server"),
    *rules(
        f"{_API}servers:",
        ADMIN,
        create__forced_host="Choose the host of a new server by its availability zone",
        index__get_all_tenants="List the servers of all projects",
        detail__get_all_tenants="List the servers of all projects with their details",
        allow_all_filters="Filter servers by host, and see deleted ones",
        show__host_status="See the state of a server's host",
    ),
    Rule("compute:servers:create:requested_destination", ADMIN, "Choose the host of a new server"),
    Rule(f"{_API}os-extended-server-attributes", ADMIN, "See the host and other inner attributes of a server"),
    Rule(f"{_API}os-console-output", MEMBER, "Read a server's console"),
    Rule(f"{_API}os-remote-consoles", MEMBER, "Open a server's screen or serial console"),
    Rule(f"{_API}os-migrate-server:migrate", MANAGER, "Move a server to another host"),
    Rule(f"{_API}os-migrate-server:migrate:host", ADMIN, "Choose the host that a server moves to"),
    Rule(f"{_API}os-evacuate", ADMIN, "Evacuate a server from a host that is down"),
    *rules(f"{_API}os-shelve:", MEMBER, shelve="Shelve a server", unshelve="Unshelve a server"),
    *rules(
        f"{_API}os-shelve:",
        ADMIN,
        shelve_offload="Remove a shelved server from its host",
        unshelve_to_host="Choose the host of an unshelved server",
    ),
)
_PARTS = (
    *rules(f"{_API}server-metadata:", READER, index="List a server's metadata", show="Show one item of metadata"),
    *rules(
        f"{_API}server-metadata:",
        MEMBER,
        create="Add items to a server's metadata",
        update_all="Replace a server's metadata",
        update="Set one item of a server's metadata",
        delete="Remove one item of a server's metadata",
    ),
    *rules(f"{_API}os-server-tags:", READER, index="List a server's tags", show="Check one tag of a server"),
    *rules(
        f"{_API}os-server-tags:",
        MEMBER,
        update_all="Replace a server's tags",
        update="Add a tag to a server",
        delete_all="Remove all tags of a server",
        delete="Remove a tag of a server",
    ),
    *rules(f"{_API}os-security-groups:", READER, get="List security groups", show="Show a security group"),
    *rules(
        f"{_API}os-security-groups:",
        MEMBER,
        add="Add a server to a security group",
        remove="Remove a server from a security group",
        create="Create a security group",
        update="Rename or describe a security group",
        delete="Delete a security group",
        rule__create="Add a rule to a security group",
        rule__delete="Remove a rule from a security group",
    ),
    *rules(f"{_API}os-networks:", READER, list="List networks", show="Show a network"),
    *rules(f"{_API}os-tenant-networks:", READER, list="List a project's networks", show="Show a project's network"),
    *rules(f"{_API}ips:", READER, index="List a server's addresses", show="List a server's addresses on one network"),
    *rules(f"{_API}os-attach-interfaces:", READER, list="List a server's network interfaces"),
    *rules(f"{_API}os-security-groups:", READER, list="List a server's security groups"),
    *rules(f"{_API}os-volumes-attachments:", READER, index="List a server's volumes"),
    *rules(
        f"{_API}os-instance-actions:", READER, list="List the actions on a server", show="Show one action on a server"
    ),
    *rules(f"{_API}os-instance-actions:", ADMIN, events="See the events of an action"),
    *rules(f"{_API}servers:migrations:", MANAGER, index="List the live migrations of a server"),
)
_FLAVORS = (
    # Nova asks for no role here: whoever has a token of a project sees the public flavors.
    Rule(f"{_API}flavors", ANYONE, "List and show flavors"),
    *rules(
        f"{_API}os-flavor-manage:",
        ADMIN,
        create="Create a flavor",
        update="Describe a flavor",
        delete="Delete a flavor",
    ),
    *rules(
        f"{_API}os-flavor-extra-specs:", READER, index="See a flavor's extra specs", show="See one of the extra specs"
    ),
    *rules(
        f"{_API}os-flavor-extra-specs:",
        ADMIN,
        create="Set extra specs",
        update="Change one extra spec",
        delete="Remove one extra spec",
    ),
    Rule(f"{_API}os-flavor-access", ADMIN, "See which projects may use a private flavor"),
    *rules(
        f"{_API}os-flavor-access:",
        ADMIN,
        add_tenant_access="Give a project access to a private flavor",
        remove_tenant_access="Revoke a project's access to a private flavor",
    ),
)
_KEYS_AND_GROUPS = (
    *rules(
        f"{_API}os-keypairs:",
        _OWN_KEYS,
        index="List your own key pairs",
        create="Create or import a key pair",
        show="Show a key pair",
        delete="Delete a key pair",
    ),
    *rules(f"{_API}os-server-groups:", READER, index="List server groups", show="Show a server group"),
    *rules(f"{_API}os-server-groups:", MEMBER, create="Create a server group", delete="Delete a server group"),
    Rule(f"{_API}os-server-groups:index:all_projects", ADMIN, "List the server groups of all projects"),
)
_QUOTAS = (
    Rule(f"{_API}limits", ANYONE, "See the limits and the usage of your project"),
    Rule(f"{_API}limits:other_project", ADMIN, "See the limits of another project"),
    *rules(f"{_API}os-quota-sets:", READER, show="Show a project's quota", detail="Show a quota with its usage"),
    *rules(f"{_API}os-quota-sets:", ANYONE, defaults="Show the quota of projects that have none of their own"),
    *rules(f"{_API}os-quota-sets:", ADMIN, update="Set a project's quota", delete="Remove a project's own quota"),
    *rules(f"{_API}os-quota-class-sets:", ADMIN, show="Show the default quota", update="Set the default quota"),
    *rules(f"{_API}os-simple-tenant-usage:", READER, show="Show a project's usage"),
    *rules(f"{_API}os-simple-tenant-usage:", ADMIN, list="List the usage of all projects"),
    *rules(
        f"{_API}os-instance-usage-audit-log:",
        ADMIN,
        list="See the periodic audit of usage",
        show="See the periodic audit of usage before a time",
    ),
)
_OPERATOR = (
    *rules(
        f"{_API}os-aggregates:",
        ADMIN,
        index="List aggregates",
        show="Show an aggregate",
        create="Create an aggregate",
        update="Change an aggregate",
        delete="Delete an aggregate",
        add_host="Add a host to an aggregate",
        remove_host="Remove a host from an aggregate",
        set_metadata="Change an aggregate's metadata",
    ),
    Rule("compute:aggregates:images", ADMIN, "Cache images on an aggregate's hosts in advance"),
    Rule(f"{_API}os-availability-zone:list", ANYONE, "List availability zones"),
    Rule(f"{_API}os-availability-zone:detail", ADMIN, "List availability zones with their hosts"),
    *rules(
        f"{_API}os-hypervisors:",
        ADMIN,
        list="List hosts",
        statistics="Show the totals of all hosts",
        show="Show a host",
        search="Find hosts by a part of their name",
        servers="List the servers on hosts",
        uptime="See how long a host has been up",
    ),
    Rule(f"{_API}os-hypervisors:list-detail", ADMIN, "List hosts with their details"),
    *rules(
        f"{_API}os-hosts:",
        ADMIN,
        list="List hosts (os-hosts)",
        show="Show the resources of a host",
        update="Enable or disable a host",
        start="Start a host",
        shutdown="Shut a host down",
        reboot="Restart a host",
    ),
    *rules(f"{_API}os-services:", ADMIN, list="List services", update="Enable or disable a host"),
    Rule(f"{_API}os-migrations:index", MANAGER, "List the moves of your project"),
    Rule(f"{_API}os-migrations:index:all_projects", ADMIN, "List the moves of all projects"),
    Rule(f"{_API}os-migrations:index:host", ADMIN, "See the hosts of moves"),
    Rule(f"{_API}extensions", ANYONE, "List the extensions of the API"),
)

RULES = (*_SERVERS, *_PARTS, *_FLAVORS, *_KEYS_AND_GROUPS, *_QUOTAS, *_OPERATOR)
