"""SQLite: the scans twice, as tables without row ids, which are trees in the order of their keys.

In this process, through Python's own module, which keeps statements prepared. The clock stops when the
rows are Python tuples: the module has no other way to hand them over.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable

import pyarrow.parquet as pq

from ..answers import Rows
from ..nation import SITE_BITS
from ..progress import Steps
from ..stream import Batch
from .peer import Ingested, Peer, Raw

# The whole file is mapped: a warm page costs no call. Loading needs neither log nor sync; what it wrote
# is synced once at its end.
LOAD_SETTINGS = """
PRAGMA page_size = 8192;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA cache_size = -2000000;
PRAGMA temp_store = FILE;
PRAGMA threads = 2;
"""

ASK_SETTINGS = """
PRAGMA mmap_size = 1099511627776;
PRAGMA cache_size = -1000000;
PRAGMA temp_store = MEMORY;
"""

# `copy` tells equal scans apart, since a key is unique; as 0 it takes no byte.
TABLES = """
CREATE TABLE subjects (subject INTEGER PRIMARY KEY, code TEXT NOT NULL, code_order INTEGER NOT NULL);
CREATE TABLE sites (site INTEGER PRIMARY KEY, code TEXT NOT NULL);
CREATE TABLE site_areas (area INTEGER, site INTEGER, PRIMARY KEY (area, site)) WITHOUT ROWID;
CREATE TABLE by_site (site INTEGER, at_ms INTEGER, subject INTEGER, copy INTEGER,
    PRIMARY KEY (site, at_ms, subject, copy)) WITHOUT ROWID;
CREATE TABLE by_subject (subject INTEGER, at_ms INTEGER, site INTEGER, copy INTEGER,
    PRIMARY KEY (subject, at_ms, site, copy)) WITHOUT ROWID;
"""

# Rows arrive in order of time, and trees are filled in order of their keys.
ARRIVED = "CREATE TABLE arrived (site INTEGER, subject INTEGER, at_ms INTEGER)"
FILL = {
    "sort by site": """
        INSERT INTO by_site
        SELECT site, at_ms, subject, row_number() OVER (PARTITION BY site, at_ms, subject) - 1
        FROM arrived ORDER BY site, at_ms, subject""",
    "sort by subject": """
        INSERT INTO by_subject SELECT subject, at_ms, site, row_number() OVER (PARTITION BY subject, at_ms, site) - 1
        FROM arrived ORDER BY subject, at_ms, site""",
}

NOTHING = "SELECT 1"

PASSED = """
SELECT subject, min(at_ms), max(at_ms), count(*)
FROM by_site
WHERE site = :site AND at_ms >= :from AND at_ms < :to
GROUP BY subject
"""

DISTINCT = """
SELECT count(DISTINCT by_site.subject)
FROM site_areas CROSS JOIN by_site USING (site)
WHERE site_areas.area = :area AND by_site.at_ms >= :from AND by_site.at_ms < :to
"""

TRAIL = """
SELECT at_ms, site FROM by_subject
WHERE subject = :subject AND at_ms >= :from AND at_ms < :to
ORDER BY at_ms
"""

# CROSS JOIN is SQLite's way to say which table is the outer one.
CONTACTS = """
SELECT other.subject, count(*), min(abs(other.at_ms - own.at_ms)),
       min(max(other.at_ms, own.at_ms)), max(max(other.at_ms, own.at_ms))
FROM by_subject AS own CROSS JOIN by_site AS other
  ON other.site = own.site
 AND other.at_ms >= max(own.at_ms - :window, :from)
 AND other.at_ms <= min(own.at_ms + :window, :to - 1)
WHERE own.subject = :subject AND own.at_ms >= :from AND own.at_ms < :to AND other.subject <> :subject
GROUP BY other.subject
"""

CHAIN_TABLES = """
CREATE TEMP TABLE exposed (subject INTEGER PRIMARY KEY, generation INTEGER, exposed_at INTEGER,
    source INTEGER, site INTEGER);
CREATE TEMP TABLE members (rank INTEGER PRIMARY KEY, subject INTEGER, exposed_at INTEGER);
"""

CHAIN_CLEAR = "DELETE FROM temp.exposed"
CHAIN_SEED = "INSERT INTO temp.exposed VALUES (?, 0, ?, NULL, NULL)"
MEMBERS_CLEAR = "DELETE FROM temp.members"

# Members are ranked by code: a tie is decided by comparing integers.
MEMBERS = """
INSERT INTO temp.members
SELECT row_number() OVER (ORDER BY subjects.code_order), exposed.subject, exposed.exposed_at
FROM temp.exposed AS exposed CROSS JOIN subjects USING (subject)
WHERE exposed.generation = :generation - 1
"""

# Time, rank and site in one integer, whose smallest is the event that counts.
GENERATION = f"""
INSERT INTO temp.exposed
SELECT subject, :generation, (event >> {SITE_BITS} + 21) + :from,
       event >> {SITE_BITS} & 0x1fffff, event & {(1 << SITE_BITS) - 1}
FROM (SELECT other.subject,
             min((max(other.at_ms, own.at_ms) - :from << {SITE_BITS} + 21)
                 | (member.rank << {SITE_BITS}) | other.site) AS event
      FROM temp.members AS member CROSS JOIN by_subject AS own
        ON own.subject = member.subject
       AND own.at_ms >= max(member.exposed_at, :from) AND own.at_ms < :to
      CROSS JOIN by_site AS other
        ON other.site = own.site
       AND other.at_ms >= max(own.at_ms - :window, :from)
       AND other.at_ms <= min(own.at_ms + :window, :to - 1)
      GROUP BY other.subject) AS newcomer
WHERE NOT EXISTS (SELECT 1 FROM temp.exposed AS exposed WHERE exposed.subject = newcomer.subject)
"""

CHAIN = "SELECT generation, subject, exposed_at, source, site FROM temp.exposed WHERE generation > 0"

BOTH = """
SELECT subject FROM by_site WHERE site = ? AND at_ms >= ? AND at_ms < ?
INTERSECT
SELECT subject FROM by_site WHERE site = ? AND at_ms >= ? AND at_ms < ?
"""

# All cells that tie with the last one of the top are candidates, since `everybody` decides among them.
COMMON = """
WITH given AS MATERIALIZED (
    SELECT DISTINCT scan.site, scan.at_ms / :cell AS cell, scan.subject
    FROM json_each(:subjects) AS asked CROSS JOIN by_subject AS scan ON scan.subject = asked.value
    WHERE scan.at_ms >= :from AND scan.at_ms < :to
), counted AS (
    SELECT site, cell, count(*) AS given, rank() OVER (ORDER BY count(*) DESC) AS place
    FROM given GROUP BY site, cell
)
SELECT site, cell * :cell, given,
       (SELECT count(DISTINCT other.subject) FROM by_site AS other
        WHERE other.site = counted.site
          AND other.at_ms >= max(cell * :cell, :from)
          AND other.at_ms < min((cell + 1) * :cell, :to)) AS everybody
FROM counted WHERE place <= :top
ORDER BY given DESC, everybody, cell, site
LIMIT :top
"""


class Sqlite(Peer):
    name = "sqlite"
    title = "SQLite"
    load_bytes_a_scan = 110
    ingest_rate_max = 50_000

    def version(self) -> str:
        return sqlite3.sqlite_version

    def open(self) -> None:
        self.dir.mkdir(parents=True, exist_ok=True)
        self.database = sqlite3.connect(self.dir / "nation.db", isolation_level=None)
        self.database.executescript(ASK_SETTINGS)
        self.database.executescript(CHAIN_TABLES)

    def close(self) -> None:
        self.database.close()

    def load(self, steps: Steps) -> None:
        # Settings of a file's pages must stand before its first table.
        self.close()
        (self.dir / "nation.db").unlink()
        self.database = sqlite3.connect(self.dir / "nation.db", isolation_level=None)
        self.database.executescript(LOAD_SETTINGS + TABLES)
        self.database.execute(f"ATTACH '{self.dir / 'arrived.db'}' AS arriving")
        self.database.executescript("PRAGMA arriving.journal_mode = OFF; PRAGMA arriving.synchronous = OFF;")
        self.database.execute(ARRIVED.replace("arrived", "arriving.arrived"))
        with steps("insert"):
            for table, file in (("subjects", "subjects"), ("sites", "sites"), ("site_areas", "site_areas"),
                                ("arriving.arrived", "scans_ids")):  # fmt: skip
                self.insert(table, self.nation.file(f"{file}.parquet"))
        for name, statement in FILL.items():
            with steps(name):
                self.database.execute(statement)
        with steps("analyze and sync"):
            self.database.executescript("PRAGMA analysis_limit = 10000; ANALYZE main;")
            self.database.execute("DETACH arriving")
            (self.dir / "arrived.db").unlink()
            # Writes nothing but the header, and syncs the file.
            self.database.executescript("PRAGMA synchronous = FULL; PRAGMA user_version = 1;")
        self.close()
        self.open()

    def insert(self, table: str, file: str) -> None:
        self.database.execute("BEGIN")
        for part in pq.ParquetFile(file).iter_batches(batch_size=65_536):
            marks = ", ".join("?" * part.num_columns)
            columns = [column.to_pylist() for column in part.columns]
            self.database.executemany(f"INSERT INTO {table} VALUES ({marks})", zip(*columns, strict=True))
        self.database.execute("COMMIT")

    def bytes_on_disk(self) -> int:
        return (self.dir / "nation.db").stat().st_size

    def ask(self, statement: str, parameters: object = ()) -> Raw:
        return self.database.execute(statement, parameters).fetchall()

    def nothing(self) -> Raw:
        return self.ask(NOTHING)

    def passed(self, site: int, from_ms: int, to_ms: int) -> Raw:
        return self.ask(PASSED, {"site": site, "from": from_ms, "to": to_ms})

    def distinct(self, area: int, from_ms: int, to_ms: int) -> Raw:
        return self.ask(DISTINCT, {"area": area, "from": from_ms, "to": to_ms})

    def trail(self, subject: int, from_ms: int, to_ms: int) -> Raw:
        return self.ask(TRAIL, {"subject": subject, "from": from_ms, "to": to_ms})

    def contacts(self, subject: int, from_ms: int, to_ms: int, window_ms: int) -> Raw:
        return self.ask(CONTACTS, {"subject": subject, "from": from_ms, "to": to_ms, "window": window_ms})

    def chain(self, seeds: list[tuple[int, int]], from_ms: int, to_ms: int, window_ms: int) -> Raw:
        assert to_ms - from_ms < 1 << 28, "the packed event has 28 bits for the time"
        interval = {"from": from_ms, "to": to_ms, "window": window_ms}
        self.database.execute("BEGIN")
        self.database.execute(CHAIN_CLEAR)
        self.database.executemany(CHAIN_SEED, seeds)
        for generation in (1, 2):
            self.database.execute(MEMBERS_CLEAR)
            self.database.execute(MEMBERS, {"generation": generation})
            self.database.execute(GENERATION, {**interval, "generation": generation})
        rows = self.ask(CHAIN)
        self.database.execute("COMMIT")
        return rows

    def both(self, first: tuple[int, int, int], second: tuple[int, int, int]) -> Raw:
        return self.ask(BOTH, (*first, *second))

    def common(self, subjects: list[int], from_ms: int, to_ms: int, cell_ms: int, top: int) -> Raw:
        interval = {"from": from_ms, "to": to_ms, "cell": cell_ms, "top": top}
        return self.ask(COMMON, {**interval, "subjects": str(subjects)})

    def rows(self, raw: Raw) -> Rows:
        return raw

    def ingest(self, batches: list[Batch], seconds: int) -> Ingested:
        stream = sqlite3.connect(self.dir / "stream.db", isolation_level=None)
        stream.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + TABLES)
        parts = [(list(by_site(batch)), list(by_subject(batch))) for batch in batches]
        scans, began = 0, time.perf_counter()
        for site_rows, subject_rows in parts:
            if time.perf_counter() - began > seconds:
                break
            stream.execute("BEGIN")
            stream.executemany("INSERT INTO by_site VALUES (?, ?, ?, 0)", site_rows)
            stream.executemany("INSERT INTO by_subject VALUES (?, ?, ?, 0)", subject_rows)
            stream.execute("COMMIT")
            scans += len(site_rows)
        elapsed = time.perf_counter() - began
        stored = stream.execute("SELECT count(*) FROM by_subject").fetchone()[0]
        stream.close()
        assert stored == scans, f"{scans} scans were sent, {stored} are there"
        return Ingested(scans, elapsed, 1)


def by_site(batch: Batch) -> Iterable[tuple[int, int, int]]:
    for subject, at_ms in zip(batch.subjects.tolist(), batch.at_ms.tolist(), strict=True):
        yield batch.site, at_ms, subject


def by_subject(batch: Batch) -> Iterable[tuple[int, int, int]]:
    for subject, at_ms in zip(batch.subjects.tolist(), batch.at_ms.tolist(), strict=True):
        yield subject, at_ms, batch.site
