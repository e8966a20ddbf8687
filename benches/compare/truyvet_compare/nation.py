"""The synthetic nation: files for Truyvet, and the same with numbers for codes, for the peers.

    truyvet-loadtest generate -> areas.csv sites.csv people.csv scans.parquet      (codes)
    encode                    -> sites.parquet subjects.parquet site_areas.parquet
                                 scans_ids.parquet                                 (numbers)

Numbers of subjects follow their homes, as Truyvet's own do: people who live near each other pass the
same sites, so such numbers compress better in every system. Numbers of sites follow their codes, so
that the smallest number is the smallest code. Encoding is not charged to the peers.
"""

from __future__ import annotations

import csv
import json
import subprocess
from functools import cached_property
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .progress import step
from .settings import DAYS, Run

#: The last day, so that two runs of a seed are equal, whenever they are made.
LAST_DAY = "2021-08-14"

#: Bits that a chain's SQL has for a site's number.
SITE_BITS = 14


class Nation:
    """The files, and the way from codes to numbers and back."""

    def __init__(self, directory: Path) -> None:
        self.dir = directory

    def file(self, name: str) -> str:
        return str(self.dir / name)

    @property
    def scans(self) -> int:
        return pq.read_metadata(self.file("scans.parquet")).num_rows

    @cached_property
    def subject_codes(self) -> pa.Array:
        """By number."""
        return pq.read_table(self.file("subjects.parquet"))["code"].combine_chunks()

    @cached_property
    def site_codes(self) -> list[str]:
        """By number."""
        return pq.read_table(self.file("sites.parquet"))["code"].to_pylist()

    @cached_property
    def site_numbers(self) -> dict[str, int]:
        return {code: number for number, code in enumerate(self.site_codes)}

    @cached_property
    def area_numbers(self) -> dict[str, int]:
        table = pq.read_table(self.file("areas.parquet"))
        return dict(zip(table["code"].to_pylist(), table["area"].to_pylist(), strict=True))

    def subject_numbers(self, codes: list[str]) -> dict[str, int]:
        """Of some codes; all of them at once would not fit in a dict."""
        wanted = pa.array(sorted(set(codes)))
        numbers = pc.index_in(wanted, value_set=self.subject_codes)
        return dict(zip(wanted.to_pylist(), numbers.to_pylist(), strict=True))

    def codes_of(self, numbers: list[int]) -> list[str]:
        return self.subject_codes.take(pa.array(numbers, pa.int64())).to_pylist()

    @cached_property
    def parents(self) -> dict[str, str]:
        """The area above each area."""
        with open(self.file("areas.csv"), encoding="utf-8") as file:
            return {row["area"]: row["parent"] for row in csv.DictReader(file)}

    @cached_property
    def ward_of_site(self) -> dict[str, str]:
        with open(self.file("sites.csv"), encoding="utf-8") as file:
            return {row["site"]: row["area"] for row in csv.DictReader(file)}

    def areas_above(self, site: str) -> list[str]:
        """Ward, district, province, nation."""
        areas = [self.ward_of_site[site]]
        while parent := self.parents[areas[-1]]:
            areas.append(parent)
        return areas


def make(run: Run) -> Nation:
    """Generates and encodes, unless the same nation is there."""
    directory = run.nation_dir
    wanted = {"scans": run.scans, "people": run.people, "sites": run.sites, "seed": run.seed, "last": LAST_DAY}
    wanted["order"] = "time"
    mark = directory / "nation.json"
    if mark.exists() and json.loads(mark.read_text()) == wanted:
        return Nation(directory)
    mark.unlink(missing_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    generate(run)
    with step("nation", "numbers for codes"):
        encode(directory)
    mark.write_text(json.dumps(wanted))
    return Nation(directory)


def generate(run: Run) -> None:
    with step("nation", f"generate {run.scans:,} scans"):
        command = [run.program("truyvet-loadtest"), "generate", "--out", str(run.nation_dir)]
        command += ["--people", str(run.people), "--sites", str(run.sites), "--seed", str(run.seed)]
        command += ["--days", str(DAYS), "--end", LAST_DAY, "--scans", str(run.scans)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def encode(directory: Path) -> None:
    """DuckDB does it, whether or not it takes part."""
    nation = Nation(directory)
    if len(nation.ward_of_site) > 1 << SITE_BITS:
        raise SystemExit(f"The comparison's SQL has {SITE_BITS} bits for a site; take at most {1 << SITE_BITS:,}.")
    pairs = [(area, site) for site in nation.ward_of_site for area in nation.areas_above(site)]
    csv_pairs = directory / "site_areas.csv"
    with open(csv_pairs, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("area", "site"), *pairs])
    with duckdb.connect() as database:
        for statement in ENCODE.split(";"):
            if statement.strip():
                database.execute(statement.replace("DIR/", f"{directory}/"))
    csv_pairs.unlink()


ENCODE = """
CREATE TABLE subjects AS
SELECT home_order AS subject, code, (row_number() OVER (ORDER BY code) - 1)::INTEGER AS code_order
FROM (SELECT (row_number() OVER () - 1)::INTEGER AS home_order, subject AS code
      FROM read_csv('DIR/people.csv', header = true, all_varchar = true));

CREATE TABLE sites AS
SELECT (row_number() OVER (ORDER BY site) - 1)::INTEGER AS site, site AS code
FROM read_csv('DIR/sites.csv', header = true, all_varchar = true);

CREATE TABLE areas AS
SELECT (row_number() OVER () - 1)::INTEGER AS area, area AS code
FROM read_csv('DIR/areas.csv', header = true, all_varchar = true);

COPY (SELECT * FROM subjects ORDER BY subject) TO 'DIR/subjects.parquet' (FORMAT parquet);

COPY (SELECT * FROM sites ORDER BY site) TO 'DIR/sites.parquet' (FORMAT parquet);

COPY (SELECT * FROM areas ORDER BY area) TO 'DIR/areas.parquet' (FORMAT parquet);

COPY (SELECT areas.area, sites.site
      FROM read_csv('DIR/site_areas.csv', header = true, all_varchar = true) AS pair
      JOIN areas ON areas.code = pair.area JOIN sites ON sites.code = pair.site
      ORDER BY ALL) TO 'DIR/site_areas.parquet' (FORMAT parquet);

COPY (SELECT sites.site, subjects.subject, scan.unix_ms AS at_ms
      FROM 'DIR/scans.parquet' AS scan
      JOIN subjects ON subjects.code = scan.subject
      JOIN sites ON sites.code = scan.site) TO 'DIR/scans_ids.parquet' (FORMAT parquet, COMPRESSION zstd)
"""
