"""The options of images' data and of its import, with Glance's sections and names (glance-api.conf, glance-image-import.conf)."""

from __future__ import annotations

from oslo_config import cfg, types

from busway.domain.image import DISK_FORMATS
from busway.domain.image_conversion import PLUGIN
from busway.domain.image_hash import DEFAULT_HASH, unfit_hash
from busway.domain.import_rules import SCHEMES, as_network
from busway.domain.remote_image import USUAL_PROPERTIES


class _Host(types.String):
    """A host's name, an address or a network, as oslo.config checks words."""

    def __call__(self, value: str) -> str:
        if as_network(value) is None and ("/" in value or ":" in value or "*" in value):
            raise ValueError("it is no name, no address and no network")
        return value


class _Words(types.List):
    """Words with commas between, in brackets or not: Glance writes lists of its import with them."""

    def __call__(self, value: str | list[str]) -> list[str]:
        if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
            value = value[1:-1]
        return list(super().__call__(value))


class _Hash(types.String):
    """An algorithm that hashes images, as oslo.config checks words."""

    def __call__(self, value: str) -> str:
        if why := unfit_hash(value):
            raise ValueError(why)
        return value


HASHING = [
    cfg.Opt(
        "hashing_algorithm",
        type=_Hash(),
        default=DEFAULT_HASH,
        help="The secure hash of new images' data (os_hash_algo, os_hash_value).",
    ),
]

BACKENDS = [
    cfg.ListOpt(
        "enabled_backends",
        default=[],
        help="The stores of images, each as NAME:file and with a group of its own, [NAME]. Default: one store, file.",
    ),
]

GLANCE_STORE = [
    cfg.StrOpt(
        "default_backend", help="The store for data of which nobody says where it goes. Default: the first one."
    ),
]

IMPORT_FILTERING_OPTS = [
    cfg.ListOpt(
        "allowed_hosts",
        default=[],
        item_type=_Host(),
        help="From which hosts users may have images fetched (web-download): names, addresses and networks. Default: none.",
    ),
    cfg.ListOpt(
        "allowed_ports", default=[80, 443], item_type=types.Integer(1, 65535), help="On which ports of these hosts."
    ),
    cfg.ListOpt(
        "allowed_schemes",
        default=list(SCHEMES),
        item_type=types.String(choices=list(SCHEMES)),
        help="By which schemes: http, https.",
    ),
]

IMAGE_CONVERSION = [
    cfg.StrOpt(
        "output_format",
        default="qcow2",
        choices=list(DISK_FORMATS),
        help="What imported images of other formats (vmdk, vhd, vhdx, vdi, iso) become.",
    ),
]

IMAGE_IMPORT_OPTIONS = [
    cfg.Opt(
        "image_import_plugins",
        type=_Words(types.String(choices=["no_op", PLUGIN], quotes=True)),
        default=[],
        help="With image_conversion imported qcow2 and raw images become output_format too. Default: they stay as they are.",
    ),
]

GLANCE_DOWNLOAD_PROPERTIES = [
    cfg.Opt(
        "extra_properties",
        type=_Words(types.String(quotes=True)),
        default=list(USUAL_PROPERTIES),
        help="Which properties an image takes along from another region (glance-download): beginnings of their names.",
    ),
]
