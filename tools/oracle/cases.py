"""Generated cases: mostly what operators write, mixed with what they write by mistake. One seed, one sequence."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from tools.oracle.machines import make_machine

Json = dict[str, Any]

_IDS = ("10de", "10DE", "1234", "8086")
_PRODUCTS = ("2330", "2331", "11bf", "11BF", "1111")
_ODD_IDS: tuple[Any, ...] = (
    "0x10de", "10d", "10dex", "*", "", " 10de ", "10de\n", "1_0", "-1", "+1", "12345", "1", 10, None, "10 de", "\u0661\u0662\u0663\u0664", ["10de"]
)  # fmt: skip
_TYPES = ("type-PCI", "type-PF", "type-VF")
_POLICIES = ("required", "legacy", "preferred", "socket")
_BOOLEANS: tuple[Any, ...] = ("true", "false", "yes", "no", "on", "off", "1", "0", "T", "F", " True ", "Y", "n")
_ODD_BOOLEANS: tuple[Any, ...] = ("maybe", "", True, False, 1, 0, None, 2, [])
_CLASSES = ("h100", "CUSTOM_H100", "PGPU", "custom_h100", "H100 NVL", "a__b", "VGPU", "CUSTOM_PCI_10DE_2330")
_ODD_CLASSES: tuple[Any, ...] = ("", " h100", "CUSTOM_a b", "x" * 300, "\u00e9", 5, None)
_TRAITS = ("CUSTOM_FAST", "fast", "fast,CUSTOM_NVLINK", "HW_GPU_API_VULKAN", "nv-link", "HW_PCI_LIVE_MIGRATABLE")
_ODD_TRAITS: tuple[Any, ...] = ("", "fast, slow", "HW_FOO", ",", "custom_fast", "hw_gpu_api_vulkan", "y" * 300, 7, None)
_GLOBS = ("*:8a:00.*", "0000:8a:00.0", ":8a:00.", "8a:00", ".1", "", "*", "8a:00.0", "0000:8a:00.1", "0000:8b:00.0", "*:*:*.*", "0:8A:0.0", "0000:*:00.*", "10000:00:01.0", "1:00.0", "0x8a:00.0", " 8a:00.0 ")  # fmt: skip
_ODD_GLOBS: tuple[Any, ...] = ("8*", "0:0:0:0.0", "fffff:00:00.0", "100:00.0", "00:20.0", "00:00.8", "8a:00.0.1", "0-7", "8a:00. ", "-1:00.0", 5, 0, [], False, None, ["8a:00.0"])  # fmt: skip
_REGEXES = (
    ".*",
    "8a",
    "8",
    "8[ab]",
    "0000",
    "00",
    "0",
    "[0-7]",
    "8a$",
    "8A",
    "",
    "^8",
    "0[01]",
    "0.*",
    "(8a|8b)",
    "[2-7]",
)
_ODD_REGEXES: tuple[Any, ...] = ("[", "(", "*", 0, None, ["8a"], "8a$$")
_SOME_NAMES = ("a1", "b2", " a1 ", "h100", "a b")
_ODD_NAMES: tuple[Any, ...] = ("", " ", "x" * 256, "x" * 257, 5, None, "a:b", "a,b")
_COUNTS = ("1", "2", " 3", "8 ", "10000")
_ODD_COUNTS = ("0", "-1", "x", "", "1.5", "+1", "1_0", "\u0663", "1:2", "9" * 30)


class Cases:
    """A generator of cases of each kind, from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  no secret

    def make(self, count: int) -> Iterator[Json]:
        """Yield about `count` cases."""
        shares = (
            ("aliases", 0.25),
            ("assign", 0.35),
            ("match", 0.15),
            ("requests", 0.13),
            ("fit", 0.1),
            ("file", 0.02),
        )
        for kind, share in shares:
            for _ in range(round(count * share)):
                yield getattr(self, f"_{kind}")()

    def _aliases(self) -> Json:
        texts = [self._alias_text(odd=0.08) for _ in range(self._random.choice((1, 1, 2, 3)))]
        return {"kind": "aliases", "aliases": texts, "placement": self._chance(0.4)}

    def _assign(self) -> Json:
        texts = [self._spec_text(odd=0.06) for _ in range(self._random.choice((1, 2, 3)))]
        return {"kind": "assign", "specs": texts, "devices": self._devices(), "report": self._chance(0.5)}

    def _match(self) -> Json:
        alias = self._alias(odd=0.01, name="a1")
        specs = [self._spec(odd=0.01) for _ in range(self._random.choice((1, 2)))]
        devices = self._devices()
        if self._chance(0.85):
            self._aim(alias, self._random.choice(devices[:6]), specs[0])
        return {
            "kind": "match",
            "aliases": [json.dumps(alias)],
            "placement": self._chance(0.5),
            "specs": [json.dumps(spec) for spec in specs],
            "devices": devices,
            "report": self._chance(0.9),
            "request": "a1:1",
        }

    def _aim(self, alias: Json, device: Json, spec: Json) -> None:
        """Make an alias nearly right for one device and the first rule, which is where a mistake would show."""
        alias |= {"vendor_id": device["vendor_id"], "product_id": device["product_id"]}
        if self._chance(0.6):
            alias["device_type"] = device["kind"]
        if self._chance(0.6):
            spec |= {"vendor_id": device["vendor_id"], "product_id": "*"}
            spec.pop("address", None)
        for key in ("resource_class", "traits", "live_migratable"):
            if self._chance(0.6):
                alias.pop(key, None)
            if isinstance(spec.get(key), str) and self._chance(0.8):
                alias[key] = spec[key]

    def _requests(self) -> Json:
        parts = [f"{self._pick(('a1', 'b2', 'a1 ', ' b2'), ('zz', ''), 0.1)}:{self._pick(_COUNTS, _ODD_COUNTS, 0.15)}"]
        while self._chance(0.4):
            parts.append(self._pick(("a1:1", " b2:2", "a1:3"), ("a1", "", "b2:"), 0.1))
        specs = {"pci_passthrough:alias": ",".join(parts)}
        if self._chance(0.5):
            specs["hw:pci_numa_affinity_policy"] = self._pick(_POLICIES, ("", "near", "Required"), 0.15)
        return {
            "kind": "requests",
            "aliases": [
                '{"name": "a1", "vendor_id": "10de", "product_id": "2330"}',
                '{"name": "b2", "vendor_id": "10de", "product_id": "2331", "numa_policy": "preferred"}',
            ],
            "placement": False,
            "extra_specs": specs,
            "image_policy": self._pick(_POLICIES, ("", "near"), 0.15) if self._chance(0.4) else None,
        }

    def _fit(self) -> Json:
        return make_machine(self._random)

    def _file(self) -> Json:
        """A file of valid values under all names, split over sections that may come twice."""
        lines: list[str] = []
        for _ in range(self._random.randint(2, 6)):
            section, key = self._random.choice(
                (
                    ("pci", "alias"),
                    ("DEFAULT", "pci_alias"),
                    ("pci", "device_spec"),
                    ("pci", "passthrough_whitelist"),
                    ("DEFAULT", "pci_passthrough_whitelist"),
                    ("filter_scheduler", "pci_in_placement"),
                )
            )
            lines.append(f"[{section}]")
            if key == "pci_in_placement":
                lines.append(f"{key} = {self._random.choice(('true', 'False', 'yes', '0'))}")
                continue
            value = self._file_value(alias="alias" in key)
            lines.append(f"{key} {self._random.choice('=:')} {value}")
        return {"kind": "file", "text": "\n".join(["# made", "", *lines, ""])}

    def _file_value(self, *, alias: bool) -> str:
        entry: Json = {"vendor_id": "10de", "product_id": self._random.choice(("2330", "2331"))}
        if alias:
            entry |= {"name": f"n{self._random.randint(1, 99)}"}
        elif self._chance(0.3):
            entry = {"address": {"bus": self._random.choice(("8a$", "8\\\\d", "8a$$", "0$foo"))}}
        text = json.dumps(entry, indent=2 if self._chance(0.4) else None).replace("\\\\\\\\", "\\\\")
        text = text.replace("\n}", "\n  }")
        return f"'{text}'" if self._chance(0.2) and "\n" not in text else text

    def _alias_text(self, odd: float) -> str:
        return self._spoiled(json.dumps(self._alias(odd)), odd / 2)

    def _alias(self, odd: float, name: str | None = None) -> Json:
        entry: Json = {"name": name or self._pick(_SOME_NAMES, _ODD_NAMES, odd)}
        if self._chance(0.95):
            entry["vendor_id"] = self._pick(_IDS if name is None else _IDS[:3], _ODD_IDS, odd)
        if self._chance(0.95):
            entry["product_id"] = self._pick(_PRODUCTS, _ODD_IDS, odd)
        self._maybe(entry, "device_type", 0.5, _TYPES, ("vdpa", "type-pf", "", None), odd)
        self._maybe(entry, "numa_policy", 0.3, _POLICIES, ("near", "", None), odd)
        self._maybe(entry, "live_migratable", 0.25, _BOOLEANS, _ODD_BOOLEANS, odd)
        self._maybe(entry, "resource_class", 0.25, _CLASSES, _ODD_CLASSES, odd)
        self._maybe(entry, "traits", 0.2, _TRAITS, _ODD_TRAITS, odd * 2)
        self._maybe(entry, "capability_type", 0.03, ("pci",), ("net", None), odd)
        self._maybe(entry, self._random.choice(("devname", "vendor", "tags")), odd / 4, ("x",), (), 0)
        return entry

    def _spec_text(self, odd: float) -> str:
        entries = [self._spec(odd) for _ in range(self._random.choice((1, 1, 1, 2, 0) if self._chance(0.2) else (1,)))]
        data: Any = entries[0] if len(entries) == 1 and self._chance(0.7) else entries
        return self._spoiled(json.dumps(data), odd / 3)

    def _spec(self, odd: float) -> Json:
        entry: Json = {}
        self._maybe(entry, "vendor_id", 0.6, (*_IDS, "*", "0x10de", " 10de "), _ODD_IDS, odd)
        self._maybe(entry, "product_id", 0.5, (*_PRODUCTS, "*"), _ODD_IDS, odd)
        if self._chance(0.5):
            entry["address"] = self._regexes(odd) if self._chance(0.4) else self._pick(_GLOBS, _ODD_GLOBS, odd)
        self._maybe(entry, "devname", odd, ("eth0", ""), (5,), odd)
        self._maybe(entry, "device_type", odd / 2, _TYPES, ("gpu", None), odd)
        self._maybe(entry, "physical_network", 0.15, ("physnet1", None), (5, ""), odd)
        self._maybe(entry, "trusted", 0.1, _BOOLEANS, _ODD_BOOLEANS, odd)
        self._maybe(entry, "remote_managed", 0.08, _BOOLEANS, _ODD_BOOLEANS, odd)
        self._maybe(entry, "managed", 0.1, _BOOLEANS, _ODD_BOOLEANS, odd)
        self._maybe(entry, "live_migratable", 0.25, _BOOLEANS, _ODD_BOOLEANS, odd)
        self._maybe(entry, "one_time_use", 0.06, _BOOLEANS, _ODD_BOOLEANS, odd)
        self._maybe(entry, "resource_class", 0.3, _CLASSES, _ODD_CLASSES, odd)
        self._maybe(entry, "traits", 0.3, _TRAITS, _ODD_TRAITS, odd * 2)
        self._maybe(
            entry,
            self._random.choice(("rack", "vendorid", "numa_node", "dev_type")),
            odd,
            ("7", "type-VF"),
            (7, None, [1]),
            0.3,
        )
        return entry

    def _regexes(self, odd: float) -> Json:
        entry: Json = {}
        for field in ("domain", "bus", "slot", "function"):
            self._maybe(entry, field, 0.5, _REGEXES, _ODD_REGEXES, odd)
        if self._chance(0.1):
            entry = {"domain": "0000", "bus": "8a", "slot": "00", "function": "0"}
        self._maybe(entry, "func", odd, ("0",), (), 0)
        return entry

    def _devices(self) -> list[Json]:
        """Plain devices, a PF with two VFs, a bridge, and one in a domain of 32 bits."""
        card = self._device("0000:8a:00.0", "type-PF")
        vfs = [self._device(f"0000:8a:00.{n}", "type-VF", parent=card["address"]) for n in (4, 5)]
        for vf in vfs:
            vf["vendor_id"], vf["product_id"] = card["vendor_id"], self._random.choice((card["product_id"], "2331"))
        return [
            card,
            *vfs,
            self._device("0000:8b:00.0", "type-PCI"),
            self._device("0000:01:00.0", "type-PCI"),
            self._device("0001:80:1f.7", "type-PCI"),
            self._device("10000:00:01.0", "type-PCI"),
            {**self._device("0000:00:01.0", "type-PCI"), "class": "060400"},
        ]

    def _device(self, address: str, kind: str, parent: str | None = None) -> Json:
        return {
            "address": address,
            "vendor_id": self._random.choice(("10de", "1234")),
            "product_id": self._random.choice(("2330", "11bf", "1111")),
            "class": "030200",
            "kind": kind,
            "parent": parent,
            "serial": "S1" if self._chance(0.9) else None,
        }

    def _spoiled(self, text: str, odds: float) -> str:
        if not self._chance(odds):
            return text
        spoil = (
            text[:-1],
            f"[{text}]",
            f"'{text}'",
            "",
            '"x"',
            "5",
            text[:-1] + ",}",
            text.replace('"', "'"),
            "null",
            "[[]]",
        )
        return self._random.choice(spoil)

    def _maybe(
        self, entry: Json, key: str, odds: float, usual: tuple[Any, ...], odd: tuple[Any, ...], share: float
    ) -> None:
        if self._chance(odds):
            entry[key] = self._pick(usual, odd, share)

    def _pick(self, usual: tuple[Any, ...], odd: tuple[Any, ...], share: float) -> Any:
        return self._random.choice(odd if odd and self._chance(share) else usual)

    def _chance(self, odds: float) -> bool:
        return self._random.random() < odds
