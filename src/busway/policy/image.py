"""Glance's rules for what Busway's image API does."""

from __future__ import annotations

from busway.policy.rule import ADMIN, Rule, rules

_OWNER_MEMBER = f"{ADMIN} or (role:member and project_id:%(project_id)s)"
_SHARED_MEMBER = f"{ADMIN} or (role:member and project_id:%(member_id)s)"
_SHARED_READER = f"{ADMIN} or (role:reader and (project_id:%(project_id)s or project_id:%(member_id)s))"
_META_READER = f"{ADMIN} or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))"
_SEEN = (
    "(project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s or 'public':%(visibility)s)"
)

RULES = (
    Rule("get_images", f"{ADMIN} or (role:reader and project_id:%(project_id)s)", "List images"),
    Rule("get_image", f"{ADMIN} or (role:reader and {_SEEN})", "Show an image"),
    Rule("add_image", f"{ADMIN} or (role:member and project_id:%(owner)s)", "Create an image"),
    Rule("modify_image", _OWNER_MEMBER, "Change an image and its tags"),
    Rule("delete_image", _OWNER_MEMBER, "Delete an image"),
    Rule("upload_image", _OWNER_MEMBER, "Upload the data of an image"),
    Rule("download_image", f"{ADMIN} or (role:member and {_SEEN})", "Download the data of an image"),
    Rule("deactivate", _OWNER_MEMBER, "Deactivate an image"),
    Rule("reactivate", _OWNER_MEMBER, "Reactivate an image"),
    Rule("publicize_image", ADMIN, "Make an image public"),
    Rule("communitize_image", _OWNER_MEMBER, "Make an image visible to the community"),
    Rule("get_members", _SHARED_READER, "List the members of an image"),
    Rule("get_member", _SHARED_READER, "Show a member of an image"),
    Rule("add_member", _OWNER_MEMBER, "Share an image with a project"),
    Rule("modify_member", _SHARED_MEMBER, "Accept or reject an image that is shared with one's project"),
    Rule("delete_member", _OWNER_MEMBER, "Stop sharing an image with a project"),
    Rule("get_metadef_namespaces", f"{ADMIN} or (role:reader and project_id:%(project_id)s)", "List namespaces"),
    Rule("get_metadef_namespace", _META_READER, "Show a namespace of metadata definitions"),
    *rules(
        "",
        ADMIN,
        add_metadef_namespace="Create a namespace of metadata definitions",
        modify_metadef_namespace="Change a namespace of metadata definitions",
        delete_metadef_namespace="Delete a namespace of metadata definitions",
        add_metadef_resource_type_association="Say that a namespace is for a type of resources",
        remove_metadef_resource_type_association="Say that a namespace is not for a type of resources any more",
        add_metadef_property="Define a property",
        modify_metadef_property="Change the definition of a property",
        remove_metadef_property="Remove definitions of properties",
        add_metadef_object="Define an object",
        modify_metadef_object="Change the definition of an object",
        delete_metadef_object="Remove definitions of objects",
        add_metadef_tag="Define a tag",
        add_metadef_tags="Define tags",
        modify_metadef_tag="Change the definition of a tag",
        delete_metadef_tag="Remove the definition of a tag",
        delete_metadef_tags="Remove the definitions of all tags",
    ),
    Rule("list_metadef_resource_types", _META_READER, "List the types of resources that namespaces are for"),
    *rules(
        "",
        _META_READER,
        get_metadef_resource_type="List the types of resources that a namespace is for",
        get_metadef_properties="List the definitions of properties",
        get_metadef_property="Show the definition of a property",
        get_metadef_objects="List the definitions of objects",
        get_metadef_object="Show the definition of an object",
        get_metadef_tags="List the definitions of tags",
        get_metadef_tag="Show the definition of a tag",
    ),
    Rule("tasks_api_access", ADMIN, "Read the tasks of all images"),
    # Glance leaves its descriptions of itself to everybody.
    Rule("get_schemas", "@", "Read the schemas of images"),
    Rule("stores_info_detail", ADMIN, "List the stores with their folders"),
    Rule("copy_image", ADMIN, "Copy an image to other stores"),
    Rule("delete_image_location", ADMIN, "Delete the copy of an image in one store"),
    Rule("get_stores", "@", "List the stores and import methods"),
)
