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
    Rule("deactivate", ADMIN, "Keep an image from being read and booted"),
    Rule("reactivate", ADMIN, "Let an image be read and booted again"),
    Rule("publicize_image", ADMIN, "Make an image public"),
    Rule("communitize_image", _OWNER_MEMBER, "Make an image one of the community"),
    Rule("get_members", f"{ADMIN} or (role:reader and project_id:%(project_id)s)", "List whom an image is shared with"),
    # Glance leaves its descriptions of itself to everybody.
    Rule("get_schemas", "@", "Read the schemas of images"),
    Rule("get_stores", "@", "Read which stores and ways of import there are"),
)
