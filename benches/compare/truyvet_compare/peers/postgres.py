"""PostgreSQL: one table with two covering indexes, read by index-only scans.

A server of its own on a Unix socket; the client is psycopg with binary results and statements that are
prepared at their first use. The clock stops when libpq has all rows.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pyarrow.parquet as pq

from ..answers import Rows
from ..nation import Nation
from ..progress import Steps
from ..stream import Batch
from .peer import Ingested, Missing, Peer, Raw

# A quarter of the memory for shared buffers, as its manual advises; the rest is the system's page cache,
# of which the planner is told. `jit` costs milliseconds a statement that these never win back. The bulk
# load needs no WAL (`minimal`: COPY and CREATE INDEX in the transaction that made the table); the stream
# has `fsync` and `synchronous_commit` on, as they are by default.
SETTINGS = """
listen_addresses = ''
shared_buffers = {quarter_mb}MB
effective_cache_size = {half_mb}MB
work_mem = 256MB
maintenance_work_mem = {eighth_mb}MB
max_wal_size = 16GB
checkpoint_timeout = 1h
wal_level = minimal
max_wal_senders = 0
random_page_cost = 1.1
effective_io_concurrency = 200
jit = off
autovacuum = off
"""

TABLES = """
CREATE TABLE subjects (subject int4, code text NOT NULL, code_order int4 NOT NULL);
CREATE TABLE sites (site int4 PRIMARY KEY, code text NOT NULL);
CREATE TABLE site_areas (area int4, site int4, PRIMARY KEY (area, site));
CREATE TABLE scans (at_ms int8 NOT NULL, site int4 NOT NULL, subject int4 NOT NULL);
"""

# Both indexes hold all columns: no question reads the table itself.
INDEXES = {
    "index by site": "CREATE INDEX by_site ON scans (site, at_ms) INCLUDE (subject) WITH (fillfactor = 100)",
    "index by subject": "CREATE INDEX by_subject ON scans (subject, at_ms) INCLUDE (site) WITH (fillfactor = 100)",
    "subjects by number": "ALTER TABLE subjects ADD PRIMARY KEY (subject) INCLUDE (code_order)",
}

# Sets the visibility map, without which an index-only scan looks at the table.
VACUUM = "VACUUM (FREEZE, ANALYZE)"

NOTHING = "SELECT 1"

PASSED = """
SELECT subject, min(at_ms), max(at_ms), count(*)
FROM scans
WHERE site = %(site)s::int4 AND at_ms >= %(from)s::int8 AND at_ms < %(to)s::int8
GROUP BY subject
"""

# `count(DISTINCT ...)` would sort; this hashes, and may use both cores.
DISTINCT = """
SELECT count(*) FROM (
    SELECT DISTINCT scans.subject
    FROM site_areas JOIN scans USING (site)
    WHERE site_areas.area = %(area)s::int4 AND scans.at_ms >= %(from)s::int8 AND scans.at_ms < %(to)s::int8
) AS subjects
"""

TRAIL = """
SELECT at_ms, site
FROM scans
WHERE subject = %(subject)s::int4 AND at_ms >= %(from)s::int8 AND at_ms < %(to)s::int8
ORDER BY at_ms, site
"""

CONTACTS = """
WITH own AS MATERIALIZED (
    SELECT site, at_ms
    FROM scans
    WHERE subject = %(subject)s::int4 AND at_ms >= %(from)s::int8 AND at_ms < %(to)s::int8
)
SELECT other.subject, count(*), min(abs(other.at_ms - own.at_ms)),
       min(greatest(other.at_ms, own.at_ms)), max(greatest(other.at_ms, own.at_ms))
FROM own JOIN scans AS other
  ON other.site = own.site
 AND other.at_ms >= greatest(own.at_ms - %(window)s::int8, %(from)s::int8)
 AND other.at_ms <= least(own.at_ms + %(window)s::int8, %(to)s::int8 - 1)
WHERE other.subject <> %(subject)s::int4
GROUP BY other.subject
"""

# The events of a generation's members with anybody not yet exposed; of each newcomer's the earliest,
# then the smallest code of whom from, then the smallest site.
GENERATION = """
    SELECT DISTINCT ON (other.subject)
           other.subject, greatest(other.at_ms, own.at_ms) AS exposed_at, own.rank AS source, other.site
    FROM (SELECT member.rank, scans.site, scans.at_ms
          FROM {members} AS member JOIN scans
            ON scans.subject = member.subject
           AND scans.at_ms >= greatest(member.exposed_at, %(from)s::int8)
           AND scans.at_ms < %(to)s::int8) AS own
    JOIN scans AS other
      ON other.site = own.site
     AND other.at_ms >= greatest(own.at_ms - %(window)s::int8, %(from)s::int8)
     AND other.at_ms <= least(own.at_ms + %(window)s::int8, %(to)s::int8 - 1)
    WHERE NOT EXISTS (SELECT FROM {exposed} AS exposed WHERE exposed.subject = other.subject)
    ORDER BY other.subject, exposed_at, source, other.site
"""

# Members are ranked by code, so that a tie is decided by comparing integers.
RANKED = """
    SELECT member.*, row_number() OVER (ORDER BY subjects.code_order) AS rank
    FROM {members} AS member JOIN subjects USING (subject)
"""

CHAIN = f"""
WITH seeds AS MATERIALIZED (
    SELECT * FROM unnest(%(seeds)s::int4[], %(exposed)s::int8[]) AS seed (subject, exposed_at)
), generation_0 AS MATERIALIZED (
    {RANKED.format(members="seeds")}
), first AS MATERIALIZED (
    {GENERATION.format(members="generation_0", exposed="generation_0")}
), generation_1 AS MATERIALIZED (
    {RANKED.format(members="first")}
), both_generations AS MATERIALIZED (
    SELECT subject FROM generation_0 UNION ALL SELECT subject FROM generation_1
), generation_2 AS MATERIALIZED (
    {GENERATION.format(members="generation_1", exposed="both_generations")}
)
SELECT 1, subject, exposed_at, source, site FROM generation_1
UNION ALL
SELECT 2, subject, exposed_at, source, site FROM generation_2
"""

BOTH = """
SELECT subject FROM scans
WHERE site = %(site_1)s::int4 AND at_ms >= %(from_1)s::int8 AND at_ms < %(to_1)s::int8
INTERSECT
SELECT subject FROM scans
WHERE site = %(site_2)s::int4 AND at_ms >= %(from_2)s::int8 AND at_ms < %(to_2)s::int8
"""

# All cells that tie with the last one of the top are candidates, since `all` decides among them.
COMMON = """
WITH given AS MATERIALIZED (
    SELECT DISTINCT scans.site, scans.at_ms / %(cell)s::int8 AS cell, scans.subject
    FROM unnest(%(subjects)s::int4[]) AS asked (subject) JOIN scans USING (subject)
    WHERE scans.at_ms >= %(from)s::int8 AND scans.at_ms < %(to)s::int8
), counted AS (
    SELECT site, cell, count(*) AS given, rank() OVER (ORDER BY count(*) DESC) AS place
    FROM given GROUP BY site, cell
), candidates AS MATERIALIZED (
    SELECT site, cell, given FROM counted WHERE place <= %(top)s::int8
)
SELECT candidate.site, candidate.cell * %(cell)s::int8, candidate.given,
       (SELECT count(DISTINCT other.subject)
        FROM scans AS other
        WHERE other.site = candidate.site
          AND other.at_ms >= greatest(candidate.cell * %(cell)s::int8, %(from)s::int8)
          AND other.at_ms < least((candidate.cell + 1) * %(cell)s::int8, %(to)s::int8)) AS everybody
FROM candidates AS candidate
ORDER BY candidate.given DESC, everybody, candidate.cell, candidate.site
LIMIT %(top)s::int8
"""

STREAM_TABLE = """
CREATE TABLE streamed (at_ms int8 NOT NULL, site int4 NOT NULL, subject int4 NOT NULL);
CREATE INDEX streamed_by_site ON streamed (site, at_ms) INCLUDE (subject);
CREATE INDEX streamed_by_subject ON streamed (subject, at_ms) INCLUDE (site);
"""

COPY_STREAM = "COPY streamed (at_ms, site, subject) FROM STDIN (FORMAT binary)"

#: Clients of the stream: one transaction a batch each, so that commits can share an fsync.
CLIENTS = 8


class Postgres(Peer):
    name = "postgres"
    title = "PostgreSQL"
    load_bytes_a_scan = 160
    ingest_rate_max = 150_000

    def __init__(self, directory: Path, nation: Nation) -> None:
        super().__init__(directory, nation)
        self.server = Server(directory)
        self.connection: psycopg.Connection | None = None

    def version(self) -> str:
        return str(self.database.execute("SHOW server_version").fetchone()[0])

    @property
    def database(self) -> psycopg.Connection:
        if self.connection is None:
            self.connection = self.server.connect()
        return self.connection

    def open(self) -> None:
        self.server.start()

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.server.stop()

    def load(self, steps: Steps) -> None:
        for statement in TABLES.split(";"):
            if statement.strip():
                self.database.execute(statement)
        with steps("copy"):
            self.copy_codes()
            with self.database.transaction(), self.database.cursor() as cursor:
                cursor.execute("TRUNCATE scans")
                with cursor.copy("COPY scans (at_ms, site, subject) FROM STDIN (FORMAT binary, FREEZE)") as copy:
                    for part in binary_parts(self.nation.file("scans_ids.parquet")):
                        copy.write(part)
        for name, statement in INDEXES.items():
            with steps(name):
                self.database.execute(statement)
        with steps("vacuum"):
            self.database.execute(VACUUM)
            self.database.execute("CHECKPOINT")

    def copy_codes(self) -> None:
        for table in ("subjects", "sites", "site_areas"):
            parquet = pq.ParquetFile(self.nation.file(f"{table}.parquet"))
            with self.database.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                for part in parquet.iter_batches():
                    copy.write("".join("\t".join(map(str, row)) + "\n" for row in rows_of(part)))

    def bytes_on_disk(self) -> int:
        return int(self.database.execute("SELECT pg_database_size(current_database())").fetchone()[0])

    def ask(self, statement: str, **parameters: object) -> Raw:
        return self.database.execute(statement, parameters, prepare=True, binary=True)

    def nothing(self) -> Raw:
        return self.ask(NOTHING)

    def passed(self, site: int, from_ms: int, to_ms: int) -> Raw:
        return self.ask(PASSED, site=site, **{"from": from_ms, "to": to_ms})

    def distinct(self, area: int, from_ms: int, to_ms: int) -> Raw:
        return self.ask(DISTINCT, area=area, **{"from": from_ms, "to": to_ms})

    def trail(self, subject: int, from_ms: int, to_ms: int) -> Raw:
        return self.ask(TRAIL, subject=subject, **{"from": from_ms, "to": to_ms})

    def contacts(self, subject: int, from_ms: int, to_ms: int, window_ms: int) -> Raw:
        return self.ask(CONTACTS, subject=subject, window=window_ms, **{"from": from_ms, "to": to_ms})

    def chain(self, seeds: list[tuple[int, int]], from_ms: int, to_ms: int, window_ms: int) -> Raw:
        subjects, exposed = [seed[0] for seed in seeds], [seed[1] for seed in seeds]
        interval = {"from": from_ms, "to": to_ms}
        return self.ask(CHAIN, seeds=subjects, exposed=exposed, window=window_ms, **interval)

    def both(self, first: tuple[int, int, int], second: tuple[int, int, int]) -> Raw:
        named = zip(("site", "from", "to"), first, second, strict=True)
        return self.ask(BOTH, **{f"{name}_{i}": v for name, *pair in named for i, v in enumerate(pair, 1)})

    def common(self, subjects: list[int], from_ms: int, to_ms: int, cell_ms: int, top: int) -> Raw:
        interval = {"from": from_ms, "to": to_ms}
        return self.ask(COMMON, subjects=subjects, cell=cell_ms, top=top, **interval)

    def rows(self, raw: Raw) -> Rows:
        return raw.fetchall()

    def ingest(self, batches: list[Batch], seconds: int) -> Ingested:
        for statement in STREAM_TABLE.split(";"):
            if statement.strip():
                self.database.execute(statement)
        parts = [binary_copy(b.at_ms, np.full(len(b.at_ms), b.site), b.subjects) for b in batches]
        sent = [0] * CLIENTS
        began = time.perf_counter()

        def client(number: int) -> None:
            with self.server.connect() as connection, connection.cursor() as cursor:
                for part in parts[number::CLIENTS]:
                    if time.perf_counter() - began > seconds:
                        return
                    with cursor.copy(COPY_STREAM) as copy:
                        copy.write(HEADER + part + TRAILER)
                    sent[number] += len(batches[0].subjects)

        threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed = time.perf_counter() - began
        stored = self.database.execute("SELECT count(*) FROM streamed").fetchone()[0]
        assert stored == sum(sent), f"{sum(sent)} scans were sent, {stored} are there"
        return Ingested(stored, elapsed, CLIENTS)

    def remove(self) -> None:
        super().remove()
        self.server.remove()


class Server:
    """A cluster in the directory. PostgreSQL refuses to run as root, so root runs it as `postgres`."""

    def __init__(self, directory: Path) -> None:
        self.data = directory / "cluster"
        # The path of a Unix socket may have about 100 bytes.
        self.socket = Path(tempfile.mkdtemp(prefix="truyvet-compare-"))
        self.programs = programs()
        self.as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def start(self) -> None:
        if not self.data.exists():
            self.create()
        options = f"-k {self.socket}"
        self.run("pg_ctl", "-D", self.data, "-l", self.data.parent / "log", "-o", options, "-w", "-t", "600", "start")

    def create(self) -> None:
        self.data.mkdir(parents=True)
        if self.as_user:
            for path in (self.data.parent, self.data, self.socket):
                shutil.chown(path, "postgres")
            self.check_reachable()
        self.run("initdb", "-D", self.data, "--no-locale", "-E", "UTF8", "-A", "trust", "-U", "compare")
        memory_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
        parts = {"quarter_mb": memory_mb // 4, "half_mb": memory_mb // 2, "eighth_mb": memory_mb // 8}
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(SETTINGS.format(**parts))

    def check_reachable(self) -> None:
        outcome = subprocess.run([*self.as_user, "test", "-x", self.data], check=False)
        if outcome.returncode != 0:
            raise Missing(f"The user `postgres` cannot enter {self.data}; choose another folder with --out.")

    def stop(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self.run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "-t", "600", "stop")

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(host=str(self.socket), user="compare", dbname="postgres", autocommit=True)

    def remove(self) -> None:
        shutil.rmtree(self.socket, ignore_errors=True)

    def run(self, program: str, *arguments: object) -> None:
        command = [*self.as_user, f"{self.programs}/{program}", *map(str, arguments)]
        outcome = subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, check=False)
        if outcome.returncode != 0:
            raise Missing(f"{program} failed; {self.data.parent / 'log'} may say why.")


def programs() -> str:
    """Where Debian keeps them, the newest version; or where the path leads."""
    def version(path: str) -> float:
        return float(path.split("/")[-3])

    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=version)
    path = found[-1] if found else shutil.which("initdb")
    if path is None:
        raise Missing("PostgreSQL is not there: install postgresql (Debian), then run this again.")
    return str(Path(path).parent)


HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
TRAILER = b"\xff\xff"

#: A row of COPY's binary format: number of fields, then each field with its length before it.
ROW = np.dtype([
    ("fields", ">i2"), ("at_len", ">i4"), ("at_ms", ">i8"),
    ("site_len", ">i4"), ("site", ">i4"), ("subject_len", ">i4"), ("subject", ">i4"),
])  # fmt: skip


def binary_copy(at_ms: np.ndarray, site: np.ndarray, subject: np.ndarray) -> bytes:
    rows = np.empty(len(at_ms), ROW)
    rows["fields"], rows["at_len"], rows["site_len"], rows["subject_len"] = 3, 8, 4, 4
    rows["at_ms"], rows["site"], rows["subject"] = at_ms, site, subject
    return rows.tobytes()


def binary_parts(file: str) -> Iterator[bytes]:
    yield HEADER
    for part in pq.ParquetFile(file).iter_batches(batch_size=65_536):
        yield binary_copy(*(part[name].to_numpy() for name in ("at_ms", "site", "subject")))
    yield TRAILER


def rows_of(part: object) -> Iterator[tuple[object, ...]]:
    return zip(*(column.to_pylist() for column in part.columns), strict=True)
