"""ClickHouse, embedded (chdb): two MergeTree tables, ordered by site and by subject, one part each.

In this process: there is no socket between. ClickHouse has no prepared statements, so values stand in
the statement's text; a statement costs about a millisecond before it does anything. The clock stops
when the rows are there in its binary format.
"""

from __future__ import annotations

import threading
import time

import numpy as np
from chdb import session

from ..answers import Rows
from ..nation import SITE_BITS
from ..progress import Steps
from ..stream import Batch
from .peer import Ingested, Peer, Raw

# Codecs as measured: the smallest of a dozen for each column. Granules of 1,024 rows instead of 8,192
# read less for one subject and cost 0.1 % of the bytes.
TABLES = """
CREATE TABLE subjects (subject UInt32 CODEC(Delta, ZSTD), code String, code_order UInt32)
ENGINE = MergeTree ORDER BY subject;

CREATE TABLE sites (site UInt32, code String) ENGINE = MergeTree ORDER BY site;

CREATE TABLE site_areas (area UInt32, site UInt32) ENGINE = MergeTree ORDER BY (area, site);

CREATE TABLE by_site (
    site UInt32 CODEC(Delta, ZSTD),
    at_ms Int64 CODEC(Delta, T64, ZSTD),
    subject UInt32 CODEC(ZSTD(3))
) ENGINE = MergeTree ORDER BY (site, at_ms) SETTINGS index_granularity = 1024;

CREATE TABLE by_subject (
    subject UInt32 CODEC(Delta, ZSTD),
    at_ms Int64 CODEC(T64, ZSTD),
    site UInt32 CODEC(ZSTD(3))
) ENGINE = MergeTree ORDER BY (subject, at_ms) SETTINGS index_granularity = 1024;
"""

LOAD = {
    "codes": """
        INSERT INTO subjects SELECT subject, code, code_order FROM file('DIR/subjects.parquet');
        INSERT INTO sites SELECT site, code FROM file('DIR/sites.parquet');
        INSERT INTO site_areas SELECT area, site FROM file('DIR/site_areas.parquet')""",
    "insert by site": "INSERT INTO by_site SELECT site, at_ms, subject FROM file('DIR/scans_ids.parquet')",
    "insert by subject": "INSERT INTO by_subject SELECT subject, at_ms, site FROM file('DIR/scans_ids.parquet')",
    "merge": "OPTIMIZE TABLE by_site FINAL; OPTIMIZE TABLE by_subject FINAL; OPTIMIZE TABLE subjects FINAL",
}

BYTES = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()"

NOTHING = "SELECT 1"

PASSED = """
SELECT subject, min(at_ms), max(at_ms), count()
FROM by_site
WHERE site = {site} AND at_ms >= {from_ms} AND at_ms < {to_ms}
GROUP BY subject
"""

DISTINCT = """
SELECT uniqExact(subject)
FROM by_site
WHERE site IN (SELECT site FROM site_areas WHERE area = {area}) AND at_ms >= {from_ms} AND at_ms < {to_ms}
"""

TRAIL = """
SELECT at_ms, site FROM by_subject
WHERE subject = {subject} AND at_ms >= {from_ms} AND at_ms < {to_ms}
ORDER BY at_ms
"""

# The condition on `site` lets the primary key choose granules, which the join alone does not.
CONTACTS = """
WITH own AS (
    SELECT site, at_ms FROM by_subject
    WHERE subject = {subject} AND at_ms >= {from_ms} AND at_ms < {to_ms}
)
SELECT other.subject, count(), min(abs(other.at_ms - own.at_ms)),
       min(greatest(other.at_ms, own.at_ms)), max(greatest(other.at_ms, own.at_ms))
FROM by_site AS other JOIN own ON other.site = own.site
WHERE other.site IN (SELECT site FROM own)
  AND other.at_ms BETWEEN own.at_ms - {window_ms} AND own.at_ms + {window_ms}
  AND other.at_ms >= {from_ms} AND other.at_ms < {to_ms} AND other.subject != {subject}
GROUP BY other.subject
"""

CHAIN_TABLES = """
CREATE TABLE exposed (generation UInt8, subject UInt32, exposed_at Int64, source UInt32, site UInt32)
ENGINE = Memory;

CREATE TABLE own (rank Int64, site UInt32, at_ms Int64, band Int64) ENGINE = Memory;
"""

CHAIN_CLEAR = "TRUNCATE TABLE exposed"
CHAIN_SEEDS = "INSERT INTO exposed VALUES {seeds}"
OWN_CLEAR = "TRUNCATE TABLE own"

# Members are ranked by code: a tie is decided by comparing integers. A scan stands in each band of 2^20
# milliseconds (17 minutes) that its window touches, so that the join below is one of equal values.
OWN = """
INSERT INTO own
WITH member AS (SELECT subject, exposed_at FROM exposed WHERE generation = {generation} - 1)
SELECT ranked.rank, scan.site, scan.at_ms,
       arrayJoin(range(toUInt64(bitShiftRight(scan.at_ms - {window_ms}, 20)),
                       toUInt64(bitShiftRight(scan.at_ms + {window_ms}, 20) + 1)))
FROM by_subject AS scan JOIN (
    SELECT subject, exposed_at, row_number() OVER (ORDER BY code_order) AS rank
    FROM subjects JOIN member USING (subject)
    WHERE subject IN (SELECT subject FROM member)
) AS ranked ON scan.subject = ranked.subject
WHERE scan.subject IN (SELECT subject FROM member)
  AND scan.at_ms >= {from_ms} AND scan.at_ms < {to_ms} AND scan.at_ms >= ranked.exposed_at
"""

# Time, rank and site in one integer, whose smallest is the event that counts.
GENERATION = f"""
INSERT INTO exposed
SELECT {{generation}}, newcomer, bitShiftRight(event, {SITE_BITS + 21}) + {{from_ms}},
       bitAnd(bitShiftRight(event, {SITE_BITS}), 2097151), bitAnd(event, {(1 << SITE_BITS) - 1})
FROM (SELECT other.subject AS newcomer,
             min(bitOr(bitOr(bitShiftLeft(greatest(other.at_ms, own.at_ms) - {{from_ms}}, {SITE_BITS + 21}),
                             bitShiftLeft(own.rank, {SITE_BITS})), toInt64(other.site))) AS event
      FROM by_site AS other JOIN own
        ON other.site = own.site AND bitShiftRight(other.at_ms, 20) = own.band
      WHERE other.site IN (SELECT site FROM own)
        AND other.at_ms BETWEEN own.at_ms - {{window_ms}} AND own.at_ms + {{window_ms}}
        AND other.at_ms >= {{from_ms}} AND other.at_ms < {{to_ms}}
      GROUP BY other.subject)
WHERE newcomer NOT IN (SELECT subject FROM exposed)
"""

CHAIN = "SELECT toInt64(generation), subject, exposed_at, source, site FROM exposed WHERE generation > 0"

BOTH = """
SELECT DISTINCT subject FROM by_site
WHERE site = {first[0]} AND at_ms >= {first[1]} AND at_ms < {first[2]}
  AND subject IN (SELECT subject FROM by_site
                  WHERE site = {second[0]} AND at_ms >= {second[1]} AND at_ms < {second[2]})
"""

# All cells that tie with the last one of the top are candidates, since `everybody` decides among them.
CANDIDATES = """
SELECT site, cell, given FROM (
    SELECT site, intDiv(at_ms, {cell_ms}) AS cell, uniqExact(subject) AS given,
           rank() OVER (ORDER BY given DESC) AS place
    FROM by_subject
    WHERE subject IN ({subjects}) AND at_ms >= {from_ms} AND at_ms < {to_ms}
    GROUP BY site, cell
) WHERE place <= {top}
"""

# A second statement, since the primary key takes ranges of times only as literals.
EVERYBODY = """
SELECT site, cell * {cell_ms}, given, everybody FROM (
    SELECT site, intDiv(at_ms, {cell_ms}) AS cell, uniqExact(subject) AS everybody
    FROM by_site
    WHERE ({cells}) AND at_ms >= {from_ms} AND at_ms < {to_ms}
    GROUP BY site, cell
) AS counted JOIN (
    SELECT arrayJoin([{candidates}]) AS candidate,
           candidate.1 AS site, candidate.2 AS cell, toUInt64(candidate.3) AS given
) AS asked USING (site, cell)
ORDER BY given DESC, everybody, cell, site
LIMIT {top}
"""

# A batch becomes a part in each order: the view writes the second one with the first. Parts are
# compressed lightly, as merges do it again.
STREAM_TABLES = """
CREATE TABLE streamed_by_site (site UInt32, at_ms Int64, subject UInt32)
ENGINE = MergeTree ORDER BY (site, at_ms)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE streamed_by_subject (subject UInt32, at_ms Int64, site UInt32)
ENGINE = MergeTree ORDER BY (subject, at_ms)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW stream TO streamed_by_subject AS SELECT subject, at_ms, site FROM streamed_by_site;
"""

STREAM = "INSERT INTO streamed_by_site VALUES "

#: Clients of the stream, so that one's sync does not keep the others waiting.
CLIENTS = 8


class ClickHouse(Peer):
    name = "clickhouse"
    title = "ClickHouse"
    load_bytes_a_scan = 30
    ingest_rate_max = 100_000

    def version(self) -> str:
        return self.text("SELECT version()")

    def open(self) -> None:
        self.dir.mkdir(parents=True, exist_ok=True)
        self.session = session.Session(str(self.dir / "data"))
        self.session.query("CREATE DATABASE IF NOT EXISTS nation")
        self.session.query("USE nation")

    def close(self) -> None:
        self.session.close()

    def script(self, statements: str) -> None:
        for statement in statements.split(";"):
            if statement.strip():
                self.session.query(statement)

    def text(self, statement: str) -> str:
        return self.session.query(statement, "TSVRaw").bytes().decode().strip()

    def load(self, steps: Steps) -> None:
        self.script(TABLES)
        for name, statements in LOAD.items():
            with steps(name):
                self.script(statements.replace("DIR", str(self.nation.dir)))
        self.script(CHAIN_TABLES)

    def bytes_on_disk(self) -> int:
        return int(self.text(BYTES))

    def ask(self, statement: str, columns: str, **values: object) -> Raw:
        """The columns are numpy's names for the types of the answer, in order."""
        return columns, self.session.query(statement.format(**values), "RowBinary").bytes()

    def nothing(self) -> Raw:
        return self.ask(NOTHING, "u1")

    def passed(self, site: int, from_ms: int, to_ms: int) -> Raw:
        return self.ask(PASSED, "u4,i8,i8,u8", site=site, from_ms=from_ms, to_ms=to_ms)

    def distinct(self, area: int, from_ms: int, to_ms: int) -> Raw:
        return self.ask(DISTINCT, "u8", area=area, from_ms=from_ms, to_ms=to_ms)

    def trail(self, subject: int, from_ms: int, to_ms: int) -> Raw:
        return self.ask(TRAIL, "i8,u4", subject=subject, from_ms=from_ms, to_ms=to_ms)

    def contacts(self, subject: int, from_ms: int, to_ms: int, window_ms: int) -> Raw:
        values = {"subject": subject, "from_ms": from_ms, "to_ms": to_ms, "window_ms": window_ms}
        return self.ask(CONTACTS, "u4,u8,u8,i8,i8", **values)

    def chain(self, seeds: list[tuple[int, int]], from_ms: int, to_ms: int, window_ms: int) -> Raw:
        assert to_ms - from_ms < 1 << 28, "the packed event has 28 bits for the time"
        values = {"from_ms": from_ms, "to_ms": to_ms, "window_ms": window_ms}
        rows = ", ".join(f"(0, {subject}, {exposed_at}, 0, 0)" for subject, exposed_at in seeds)
        self.session.query(CHAIN_CLEAR)
        self.session.query(CHAIN_SEEDS.format(seeds=rows))
        for generation in (1, 2):
            self.session.query(OWN_CLEAR)
            self.session.query(OWN.format(generation=generation, **values))
            self.session.query(GENERATION.format(generation=generation, **values))
        return self.ask(CHAIN, "i8,u4,i8,u4,u4")

    def both(self, first: tuple[int, int, int], second: tuple[int, int, int]) -> Raw:
        return self.ask(BOTH, "u4", first=first, second=second)

    def common(self, subjects: list[int], from_ms: int, to_ms: int, cell_ms: int, top: int) -> Raw:
        values = {"from_ms": from_ms, "to_ms": to_ms, "cell_ms": cell_ms, "top": top}
        asked = self.ask(CANDIDATES, "u4,i8,u8", subjects=", ".join(map(str, subjects)), **values)
        candidates = self.rows(asked)
        if not candidates:
            return "u4,i8,u8,u8", b""
        ranges = (f"site = {site} AND at_ms >= {cell * cell_ms} AND at_ms < {(cell + 1) * cell_ms}"
                  for site, cell, _ in candidates)  # fmt: skip
        cells = " OR ".join(f"({one})" for one in ranges)
        listed = ", ".join(f"(toUInt32({site}), toInt64({cell}), {given})" for site, cell, given in candidates)
        return self.ask(EVERYBODY, "u4,i8,u8,u8", cells=cells, candidates=listed, **values)

    def rows(self, raw: Raw) -> Rows:
        columns, data = raw
        types = [(f"c{i}", f"<{name}") for i, name in enumerate(columns.split(","))]
        return np.frombuffer(data, types).tolist()

    def ingest(self, batches: list[Batch], seconds: int) -> Ingested:
        self.script(STREAM_TABLES)
        statements = [STREAM + ",".join(values_of(batch)) for batch in batches]
        sent = [0] * CLIENTS
        began = time.perf_counter()

        def client(number: int) -> None:
            own = session.Session(str(self.dir / "data"))
            own.query("USE nation")
            for statement in statements[number::CLIENTS]:
                if time.perf_counter() - began > seconds:
                    break
                own.query(statement)
                sent[number] += len(batches[0].subjects)
            own.close()

        threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed = time.perf_counter() - began
        stored = int(self.text("SELECT count() FROM streamed_by_subject"))
        assert stored == sum(sent), f"{sum(sent)} scans were sent, {stored} are there"
        return Ingested(stored, elapsed, CLIENTS)


def values_of(batch: Batch) -> list[str]:
    pairs = zip(batch.at_ms.tolist(), batch.subjects.tolist(), strict=True)
    return [f"({batch.site},{at_ms},{subject})" for at_ms, subject in pairs]
