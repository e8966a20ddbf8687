"""DuckDB: the scans twice, sorted by site and by subject, so that the smallest and largest values that
it keeps of every row group tell which few row groups a question needs.

In this process, with its default number of threads (one a core) and row groups (122,880 rows: smaller
ones were slower on every narrow question). The clock stops when the rows are Python tuples, or arrays
where an answer may be large.
"""

from __future__ import annotations

import time

import duckdb
import pyarrow as pa

from ..answers import Rows
from ..nation import SITE_BITS
from ..progress import Steps
from ..stream import Batch
from .peer import Ingested, Peer, Raw

TABLES = {
    "codes": """
        CREATE TABLE subjects AS FROM 'DIR/subjects.parquet';
        CREATE TABLE sites AS FROM 'DIR/sites.parquet';
        CREATE TABLE site_areas AS FROM 'DIR/site_areas.parquet'""",
    "sort by site": """
        CREATE TABLE by_site AS
        SELECT site, at_ms, subject FROM 'DIR/scans_ids.parquet' ORDER BY site, at_ms, subject""",
    "sort by subject": """
        CREATE TABLE by_subject AS
        SELECT subject, at_ms, site FROM 'DIR/scans_ids.parquet' ORDER BY subject, at_ms, site""",
}

NOTHING = "SELECT 1"

PASSED = """
SELECT subject, min(at_ms), max(at_ms), count(*)
FROM by_site
WHERE site = $site AND at_ms >= $from AND at_ms < $to
GROUP BY subject
"""

DISTINCT = """
SELECT count(DISTINCT subject)
FROM by_site
WHERE site IN (SELECT site FROM site_areas WHERE area = $area) AND at_ms >= $from AND at_ms < $to
"""

TRAIL = """
SELECT at_ms, site FROM by_subject
WHERE subject = $subject AND at_ms >= $from AND at_ms < $to
ORDER BY at_ms
"""

# The join hands the sites of `own` down to the scan of `by_site`. Joins on bands of time, a union of
# ranges and a disjunction were slower.
CONTACTS = """
WITH own AS MATERIALIZED (
    SELECT site, at_ms FROM by_subject
    WHERE subject = $subject AND at_ms >= $from AND at_ms < $to
)
SELECT other.subject, count(*), min(abs(other.at_ms - own.at_ms)),
       min(greatest(other.at_ms, own.at_ms)), max(greatest(other.at_ms, own.at_ms))
FROM own JOIN by_site AS other
  ON other.site = own.site AND other.at_ms BETWEEN own.at_ms - $window AND own.at_ms + $window
WHERE other.at_ms >= $from AND other.at_ms < $to AND other.subject <> $subject
GROUP BY other.subject
"""

# Temporary tables tell the planner how many members there are; one statement with common table
# expressions was slower.
EXPOSED = """
CREATE OR REPLACE TEMP TABLE exposed AS
SELECT 0::TINYINT AS generation, unnest($seeds::INTEGER[]) AS subject,
       unnest($exposed::BIGINT[]) AS exposed_at, 0::BIGINT AS source, 0::INTEGER AS site
"""

# Members are ranked by code: a tie is decided by comparing integers.
OWN = """
CREATE OR REPLACE TEMP TABLE own AS
SELECT member.rank, scan.site, scan.at_ms
FROM (SELECT subject, exposed_at, row_number() OVER (ORDER BY code_order) AS rank
      FROM exposed JOIN subjects USING (subject) WHERE generation = $generation - 1) AS member
JOIN by_subject AS scan ON scan.subject = member.subject AND scan.at_ms >= member.exposed_at
WHERE scan.at_ms >= $from AND scan.at_ms < $to
"""

# Time, rank and site in one integer, whose smallest is the event that counts.
GENERATION = f"""
INSERT INTO exposed
SELECT $generation, subject, (event >> {SITE_BITS + 21}) + $from,
       (event >> {SITE_BITS}) & 2097151, event & {(1 << SITE_BITS) - 1}
FROM (SELECT other.subject,
             min(((greatest(other.at_ms, own.at_ms) - $from) << {SITE_BITS + 21})
                 | (own.rank << {SITE_BITS}) | other.site) AS event
      FROM own JOIN by_site AS other
        ON other.site = own.site AND other.at_ms BETWEEN own.at_ms - $window AND own.at_ms + $window
      WHERE other.at_ms >= $from AND other.at_ms < $to
      GROUP BY other.subject)
WHERE subject NOT IN (SELECT subject FROM exposed)
"""

CHAIN = "SELECT generation, subject, exposed_at, source, site FROM exposed WHERE generation > 0"

BOTH = """
SELECT subject FROM by_site WHERE site = $site_1 AND at_ms >= $from_1 AND at_ms < $to_1
INTERSECT
SELECT subject FROM by_site WHERE site = $site_2 AND at_ms >= $from_2 AND at_ms < $to_2
"""

# All cells that tie with the last one of the top are candidates, since `everybody` decides among them.
COMMON = """
WITH given AS (
    SELECT DISTINCT site, at_ms // $cell AS cell, subject
    FROM by_subject
    WHERE subject IN (SELECT unnest($subjects::INTEGER[])) AND at_ms >= $from AND at_ms < $to
), candidates AS MATERIALIZED (
    SELECT site, cell, count(*) AS given
    FROM given GROUP BY site, cell
    QUALIFY rank() OVER (ORDER BY count(*) DESC) <= $top
)
SELECT site, cell * $cell, given, count(DISTINCT other.subject) AS everybody
FROM candidates JOIN by_site AS other USING (site)
WHERE other.at_ms >= $from AND other.at_ms < $to AND other.at_ms // $cell = cell
GROUP BY site, cell, given
ORDER BY given DESC, everybody, cell, site
LIMIT $top
"""

# A table in the order of arrival: sorting is not for a stream of small transactions.
STREAM_TABLE = "CREATE TABLE streamed (site INTEGER, subject INTEGER, at_ms BIGINT)"
STREAM = "INSERT INTO streamed FROM batch"


class DuckDb(Peer):
    name = "duckdb"
    title = "DuckDB"
    load_bytes_a_scan = 45
    ingest_rate_max = 500_000

    def version(self) -> str:
        return duckdb.__version__

    def open(self) -> None:
        self.dir.mkdir(parents=True, exist_ok=True)
        self.database = duckdb.connect(str(self.dir / "nation.duckdb"))
        self.database.execute(f"SET temp_directory = '{self.dir / 'spill'}'")

    def close(self) -> None:
        self.database.close()

    def load(self, steps: Steps) -> None:
        for name, statement in TABLES.items():
            with steps(name):
                self.database.execute(statement.replace("DIR", str(self.nation.dir)))
        with steps("checkpoint"):
            self.database.execute("CHECKPOINT")

    def bytes_on_disk(self) -> int:
        return (self.dir / "nation.duckdb").stat().st_size

    def ask(self, statement: str, **parameters: object) -> Raw:
        return self.database.execute(statement, parameters).fetchall()

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
        assert to_ms - from_ms < 1 << 28, "the packed event has 28 bits for the time"
        interval = {"from": from_ms, "to": to_ms}
        subjects, exposed = [seed[0] for seed in seeds], [seed[1] for seed in seeds]
        self.database.execute(EXPOSED, {"seeds": subjects, "exposed": exposed})
        for generation in (1, 2):
            self.database.execute(OWN, {**interval, "generation": generation})
            self.database.execute(GENERATION, {**interval, "generation": generation, "window": window_ms})
        return self.database.execute(CHAIN).fetchnumpy()

    def both(self, first: tuple[int, int, int], second: tuple[int, int, int]) -> Raw:
        named = zip(("site", "from", "to"), first, second, strict=True)
        return self.ask(BOTH, **{f"{name}_{i}": v for name, *pair in named for i, v in enumerate(pair, 1)})

    def common(self, subjects: list[int], from_ms: int, to_ms: int, cell_ms: int, top: int) -> Raw:
        interval = {"from": from_ms, "to": to_ms}
        return self.ask(COMMON, subjects=subjects, cell=cell_ms, top=top, **interval)

    def rows(self, raw: Raw) -> Rows:
        if isinstance(raw, dict):
            return list(zip(*(column.tolist() for column in raw.values()), strict=True))
        return raw

    def ingest(self, batches: list[Batch], seconds: int) -> Ingested:
        stream = duckdb.connect(str(self.dir / "stream.duckdb"))
        stream.execute(STREAM_TABLE)
        parts = [table_of(batch) for batch in batches]
        scans, began = 0, time.perf_counter()
        for batch in parts:
            if time.perf_counter() - began > seconds:
                break
            # A statement is a transaction of its own: its rows are in the log, and the log is synced.
            stream.execute(STREAM)
            scans += batch.num_rows
        elapsed = time.perf_counter() - began
        stored = stream.execute("SELECT count(*) FROM streamed").fetchone()[0]
        stream.close()
        assert stored == scans, f"{scans} scans were sent, {stored} are there"
        return Ingested(scans, elapsed, 1)


def table_of(batch: Batch) -> pa.Table:
    site = pa.array([batch.site] * len(batch.subjects), pa.int32())
    return pa.table({"site": site, "subject": batch.subjects, "at_ms": batch.at_ms})
