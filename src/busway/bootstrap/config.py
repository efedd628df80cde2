"""Reads `busway.conf` (or an existing nova.conf) once into frozen values; every error names file and line."""

from __future__ import annotations

import difflib
import logging
import os
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from oslo_config import cfg

from busway.bootstrap.config_language import Fault, Language, read_language
from busway.bootstrap.config_mdev import read_mdev_rules
from busway.bootstrap.config_ovn import read_northbound
from busway.bootstrap.config_source import Source, read_source
from busway.bootstrap.config_spice import spice_faults, spice_proxy
from busway.bootstrap.config_stores import read_image_stores
from busway.bootstrap.config_transport import TlsFiles, speaks_tls, tls_files, url_of
from busway.bootstrap.options import SECTIONS
from busway.bootstrap.scheduling import scheduling_policy
from busway.control.settings import Settings
from busway.domain.config_warning import ConfigWarning
from busway.domain.errors import InvalidConfig
from busway.domain.image_conversion import PLUGIN, ImageConversion
from busway.domain.image_store import ImageStores
from busway.domain.import_rules import ImportRules
from busway.domain.mdev import MdevRules
from busway.domain.openid import OpenId, parse_mapping
from busway.domain.password_rules import PasswordRules
from busway.ovn.northbound import Northbound
from busway.policy import Policy, built_in

# oslo.config logs each old name that is used; `busway config check` tells it with its line.
logging.getLogger("oslo_config").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one process of the control plane."""

    settings: Settings
    state: Path
    database: str
    listen: str
    port: int
    tls: bool = False
    tls_files: TlsFiles = field(default_factory=TlsFiles)
    max_connections: int = 4096
    max_connections_per_address: int = 256
    policy: Policy = field(default_factory=built_in)
    northbound: Northbound | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A configuration as read: the values by section and option, the language of `[pci]`, and every mistake."""

    source: Source
    values: dict[str, dict[str, Any]]
    language: Language
    faults: tuple[Fault, ...]
    mdev_rules: MdevRules
    image_stores: ImageStores


def default_state() -> Path:
    """/var/lib/busway for root, a folder of one's own otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/busway")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "busway"


def read_config(path: Path | None, **overrides: Any) -> Config:
    """Reads a configuration file; `overrides` (state_path, listen, port, public_url …) win over it.

    Errors: `InvalidConfig`, `InvalidAlias`, `InvalidDeviceSpec`, each with the file and the line.
    """
    reading = read(path)
    if reading.faults:
        raise reading.faults[0].located(path)
    values = dict(reading.values["busway"])
    values |= {name: value for name, value in overrides.items() if value is not None}
    state = Path(values.pop("state_path") or default_state()).absolute()
    listen, port = values.pop("listen"), int(values.pop("port"))
    tls, files = speaks_tls(values, listen), tls_files(values)
    most, most_of_address = values.pop("max_connections"), values.pop("max_connections_per_address")
    settings = Settings(
        aliases=reading.language.aliases,
        device_specs=reading.language.device_specs,
        written_aliases=reading.language.alias_values,
        written_specs=reading.language.spec_values,
        pci_in_placement=reading.language.placement,
        mdev_rules=reading.mdev_rules,
        policy=scheduling_policy(reading.values["filter_scheduler"]),
        max_instances_per_host=reading.values["filter_scheduler"]["max_instances_per_host"],
        **reading.values["scheduler"],
        quota=reading.values["quota"],
        enforcement_model=reading.values["unified_limit"]["enforcement_model"],
        password_rules=_password_rules(reading.values["security_compliance"]),
        imports=_imports(reading.values["import_filtering_opts"]),
        copied_properties=tuple(reading.values["glance_download_properties"]["extra_properties"]),
        image_stores=reading.image_stores,
        conversion=ImageConversion(
            reading.values["image_conversion"]["output_format"],
            PLUGIN in reading.values["image_import_options"]["image_import_plugins"],
        ),
        openid=_openid(reading.values["oidc"]),
        public_url=url_of(values, listen, port, tls=tls),
        retention=reading.values["retention"],
        spice_proxy_url=spice_proxy(reading.values["spice"]),
        console_token_ttl=reading.values["consoleauth"]["token_ttl"],
        **{name: value for name, value in reading.values["DEFAULT"].items() if name != "enabled_backends"},
        **values,
    )
    connection = reading.values["database"]["connection"]
    database = connection if is_database(connection) else f"sqlite:///{state / 'busway.db'}"
    policy = _policy(path, reading.values["oslo_policy"]["policy_file"])
    northbound = read_northbound(reading.values["ovn"])
    _check_auto_allocated(settings.auto_allocated_cidr)
    if northbound is None and settings.project_network_type != "local":
        raise InvalidConfig(
            f"[busway] project_network_type {settings.project_network_type} needs OVN",
            remedy="Set [ovn] ovn_nb_connection, or omit the type.",
            code="ovn-address",
        )
    return Config(settings, state, database, listen, port, tls, files, most, most_of_address, policy, northbound)


def _check_auto_allocated(cidr: str) -> None:
    """Raises `InvalidConfig` for addresses that no subnet can have."""
    try:
        prefix = IPv4Network(cidr).prefixlen
    except ValueError:
        prefix = 0
    if not 8 <= prefix <= 30:
        raise InvalidConfig(
            f"[busway] auto_allocated_cidr {cidr} is no IPv4 network of 8 to 30 bits",
            remedy="Write one such as 10.68.0.0/22.",
            code="subnet-cidr",
        )


def _password_rules(values: dict[str, Any]) -> PasswordRules:
    return PasswordRules(
        values["password_regex"] or "",
        values["password_regex_description"] or "",
        values["minimum_password_age"],
        values["password_expires_days"] or 0,
        values["unique_last_password_count"],
    )


def _imports(values: dict[str, Any]) -> ImportRules:
    return ImportRules(tuple(values["allowed_hosts"]), tuple(values["allowed_ports"]), tuple(values["allowed_schemes"]))


def _openid(values: dict[str, Any]) -> OpenId | None:
    """The identity provider, None where no issuer is named."""
    if not values["issuer"]:
        return None
    return OpenId(
        values["identity_provider"],
        values["issuer"],
        values["audience"],
        values["protocol"],
        values["username_claim"],
        values["groups_claim"],
        tuple(parse_mapping(text) for text in values["mapping"]),
    )


def _policy(config: Path | None, named: str | None) -> Policy:
    """The rules of rights, with the operator's file over them; a relative name is one beside the configuration."""
    if not named:
        return built_in()
    return Policy((config.parent if config else Path()) / named)


def read(path: Path | None) -> Reading:
    """Reads everything and collects the mistakes; raises `InvalidConfig` only when the file is none of this format."""
    source = read_source(path)
    conf = cfg.ConfigOpts()
    for section, options in SECTIONS.items():
        conf.register_opts(options, group=None if section == "DEFAULT" else section)
    conf(args=[], project="busway", default_config_files=[str(path)] if path else [], default_config_dirs=[])
    values: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    faults = _unknown_of_ours(source)
    for section, options in SECTIONS.items():
        for option in options:
            try:
                values[section][option.dest] = (conf if section == "DEFAULT" else conf[section])[option.dest]
            except cfg.Error as error:
                faults.append(_bad_value(source, section, option, error))
    placement = bool(values["filter_scheduler"].get("pci_in_placement"))
    language = read_language(source, SECTIONS["pci"], values["pci"], placement=placement)
    mdev_rules, mistakes = read_mdev_rules(source, values["devices"].get("enabled_mdev_types", []))
    backends, usual = values["DEFAULT"].get("enabled_backends", []), values["glance_store"].get("default_backend")
    stores, slips = read_image_stores(source, backends, usual, SECTIONS)
    faults = sorted(
        [*faults, *language.faults, *mistakes, *slips, *spice_faults(source, values["spice"])],
        key=lambda fault: fault.line or 0,
    )
    return Reading(source, values, language, tuple(faults), mdev_rules, stores)


def is_database(connection: str | None) -> bool:
    """True for a URL of a database that Busway can keep its state in; a nova.conf may name Nova's own."""
    return (connection or "").partition(":")[0].partition("+")[0] in ("sqlite", "postgresql")


def database_warning(source: Source, connection: str | None) -> ConfigWarning | None:
    """Tells that `[database] connection` is left aside; the URL itself, which may hold a password, is not repeated."""
    if not connection or is_database(connection):
        return None
    [option] = SECTIONS["database"]
    entry = next(iter(source.of("database", option)), None)
    return ConfigWarning(
        entry.line if entry else None,
        "[database] connection",
        f"{connection.partition(':')[0]} is not a database that Busway supports: the state is kept in SQLite in the "
        "state folder",
        "Set it to sqlite:///… or postgresql://…, or leave it for Nova.",
        code="database-ignored",
    )


def _unknown_of_ours(source: Source) -> list[Fault]:
    """An unknown key in [busway] is an error; other sections may hold Nova's options, which mean nothing here."""
    known = [option.name for option in SECTIONS["busway"]]
    faults = []
    for entry in source.entries:
        if entry.section == "busway" and entry.key not in known:
            near = difflib.get_close_matches(entry.key, known, n=1)
            error = InvalidConfig(
                f"[busway] has no option {entry.key}",
                detail=f"It has: {', '.join(known)}.",
                remedy=f"Did you mean {near[0]}?" if near else "Remove the line.",
                code="unknown-option",
            )
            faults.append(Fault(entry.line, entry.option, error))
    return faults


def _bad_value(source: Source, section: str, option: cfg.Opt, error: cfg.Error) -> Fault:
    entries = source.of(section, option)
    name = f"[{section}] {option.dest}"
    reason = str(error).rpartition("is not valid: ")[2].splitlines()[0]
    remedy = "See docs/reference/configuration.md."
    if isinstance(error, cfg.NoSuchOptError | cfg.TemplateSubstitutionError):
        entries = [entry for entry in entries if "$" in entry.text] or entries
        reason = f"$ and a word mean the value of another option, and there is {reason}"
        remedy = "Write $$ for a dollar sign before a letter."
    made = InvalidConfig(f"{name}: {reason}", detail=str(option.help), remedy=remedy)
    return Fault(entries[-1].line if entries else None, entries[-1].option if entries else name, made)
