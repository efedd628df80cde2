"""Glance's rules for what Busway's image API does."""

from __future__ import annotations

from busway.policy.rule import ADMIN, Rule

_OWNER_MEMBER = f"{ADMIN} or (role:member and project_id:%(project_id)s)"
_SEEN = "(project_id:%(project_id)s or 'community':%(visibility)s or 'public':%(visibility)s)"

RULES = (
    Rule("get_images", f"{ADMIN} or (role:reader and project_id:%(project_id)s)", "List images"),
    Rule("get_image", f"{ADMIN} or (role:reader and {_SEEN})", "Show an image"),
    Rule("add_image", f"{ADMIN} or (role:member and project_id:%(owner)s)", "Create an image"),
    Rule("modify_image", _OWNER_MEMBER, "Change an image and its tags"),
    Rule("delete_image", _OWNER_MEMBER, "Delete an image"),
    Rule("upload_image", _OWNER_MEMBER, "Upload the data of an image"),
    Rule("download_image", f"{ADMIN} or (role:member and {_SEEN})", "Download the data of an image"),
    Rule("deactivate", ADMIN, "Deactivate an image"),
    Rule("reactivate", ADMIN, "Reactivate an image"),
    Rule("publicize_image", ADMIN, "Make an image public"),
    Rule("communitize_image", _OWNER_MEMBER, "Make an image visible to the community"),
    Rule("get_members", f"{ADMIN} or (role:reader and project_id:%(project_id)s)", "List the members of an image"),
    # Glance leaves its descriptions of itself to everybody.
    Rule("get_schemas", "@", "Read the schemas of images"),
    Rule("get_stores", "@", "List the stores and import methods"),
)
