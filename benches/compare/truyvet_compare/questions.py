"""The questions, and how they are drawn from the scans by a seed.

A question is drawn around a scan that there is, so that it has an answer, and busy sites and people
are asked about as often as they are seen. Days are UTC days.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .nation import Nation
from .settings import DAY_MS, HOUR_MS, MINUTE_MS


@dataclass(frozen=True)
class Passed:
    """Who passed a site: first and last time, number of scans."""

    site: str
    from_ms: int
    to_ms: int


@dataclass(frozen=True)
class Distinct:
    """How many distinct subjects passed the sites of an area."""

    area: str
    from_ms: int
    to_ms: int


@dataclass(frozen=True)
class Trail:
    """A subject's scans."""

    subject: str
    from_ms: int
    to_ms: int


@dataclass(frozen=True)
class Contacts:
    """Whom a subject met: number of events, smallest gap, first and last."""

    subject: str
    from_ms: int
    to_ms: int
    window_ms: int


@dataclass(frozen=True)
class Seed:
    subject: str
    exposed_at_ms: int


@dataclass(frozen=True)
class Chain:
    """Who met the seeds, and who met those: when, whom, where first."""

    seeds: tuple[Seed, ...]
    from_ms: int
    to_ms: int
    window_ms: int
    generations: int


@dataclass(frozen=True)
class Both:
    """Who passed one site and another."""

    first: Passed
    second: Passed


@dataclass(frozen=True)
class Common:
    """Where and when most of the subjects were together."""

    subjects: tuple[str, ...]
    from_ms: int
    to_ms: int
    cell_ms: int
    top: int


Question = Passed | Distinct | Trail | Contacts | Chain | Both | Common


@dataclass(frozen=True)
class QuestionSet:
    """Questions of one kind and size."""

    name: str
    title: str
    questions: list[Question]


#: Name and title, in the order of the tables. The wide ones are asked less often.
TITLES = {
    "site_hour": "who passed a site in an hour (list)",
    "site_day": "who passed a site in a day (list)",
    "district_3d": "distinct subjects, a district, 3 days",
    "province_7d": "distinct subjects, a province, 7 days",
    "trail": "trail of a subject, 14 days",
    "contacts": "contacts of a subject, 14 days, ±15 min",
    "chain": "two-generation chain of 10 seeds, 3 days, ±10 min",
    "both": "passed X on one day and Y on another",
    "common": "top cells (site, hour) of 100 cases, 7 days",
}
WIDE = ("district_3d", "province_7d", "chain")


@dataclass(frozen=True)
class Scan:
    subject: str
    site: str
    at_ms: int


class Sample:
    """A part of the scans, in memory: row groups from all over the file."""

    def __init__(self, file: str, rng: random.Random) -> None:
        self.rng = rng
        parquet = pq.ParquetFile(file)
        column = parquet.schema_arrow.get_field_index("unix_ms")
        groups = [parquet.metadata.row_group(group).column(column) for group in range(parquet.num_row_groups)]
        self.from_ms = min(group.statistics.min for group in groups)
        self.to_ms = max(group.statistics.max for group in groups) + 1
        stride = -(-len(groups) // PARTS_MAX)
        columns = ["subject", "site", "unix_ms"]
        self.parts = [parquet.read_row_group(g, columns=columns) for g in range(0, len(groups), stride)]

    def whole_days(self, count: int) -> tuple[int, int]:
        """An interval of so many UTC days within the scans."""
        first, end = -(-self.from_ms // DAY_MS), self.to_ms // DAY_MS
        start = self.rng.randint(first, max(first, end - count))
        return start * DAY_MS, (start + count) * DAY_MS

    def part(self) -> pa.Table:
        return self.rng.choice(self.parts)

    def scan(self, part: pa.Table | None = None) -> Scan:
        part = self.part() if part is None else part
        return self.row(part, self.rng.randrange(part.num_rows))

    def within(self, from_ms: int, to_ms: int) -> pa.Table:
        """All scans of the interval."""
        return pa.concat_tables([self.between(part, from_ms, to_ms) for part in self.parts])

    @staticmethod
    def between(part: pa.Table, from_ms: int, to_ms: int) -> pa.Table:
        at = part["unix_ms"]
        return part.filter(pc.and_(pc.greater_equal(at, from_ms), pc.less(at, to_ms)))

    @staticmethod
    def row(part: pa.Table, index: int) -> Scan:
        return Scan(part["subject"][index].as_py(), part["site"][index].as_py(), part["unix_ms"][index].as_py())


#: Row groups of a sample, 30 MB each: some of every day.
PARTS_MAX = 28


def draw(nation: Nation, seed: int, names: list[str], narrow: int, wide: int) -> list[QuestionSet]:
    """The sets of these names. One generator a set, so that one does not change another."""
    sample = Sample(nation.file("scans.parquet"), random.Random(seed))
    makers: dict[str, Callable[[], Question]] = {
        "site_hour": lambda: passed(sample, HOUR_MS),
        "site_day": lambda: passed(sample, DAY_MS),
        "district_3d": lambda: distinct(sample, nation, 1, 3),
        "province_7d": lambda: distinct(sample, nation, 2, 7),
        "trail": lambda: Trail(sample.scan().subject, sample.from_ms, sample.to_ms),
        "contacts": lambda: Contacts(sample.scan().subject, sample.from_ms, sample.to_ms, 15 * MINUTE_MS),
        "chain": lambda: chain(sample),
        "common": lambda: common(sample),
    }
    sets = []
    for name in names:
        sample.rng = random.Random(f"{seed} {name}")
        count = wide if name in WIDE else narrow
        drawn = both(sample, nation, count) if name == "both" else [makers[name]() for _ in range(count)]
        sets.append(QuestionSet(name, TITLES[name], drawn))
    return sets


def passed(sample: Sample, length_ms: int) -> Passed:
    scan = sample.scan()
    start = scan.at_ms // length_ms * length_ms
    return Passed(scan.site, start, start + length_ms)


def distinct(sample: Sample, nation: Nation, level: int, days: int) -> Distinct:
    area = nation.areas_above(sample.scan().site)[level]
    return Distinct(area, *sample.whole_days(days))


def chain(sample: Sample) -> Chain:
    """Ten people of the first day, each exposed from a scan of that day on."""
    from_ms, to_ms = sample.whole_days(3)
    first_day = sample.within(from_ms, from_ms + DAY_MS)
    seeds: dict[str, Seed] = {}
    while len(seeds) < 10:
        scan = sample.scan(first_day)
        seeds[scan.subject] = Seed(scan.subject, scan.at_ms)
    return Chain(tuple(seeds.values()), from_ms, to_ms, 10 * MINUTE_MS, 2)


def both(sample: Sample, nation: Nation, count: int) -> list[Question]:
    """Where somebody was on one day, and on another. One pass over the file finds all of their scans."""
    firsts = [sample.scan() for _ in range(2 * count)]
    trails: dict[str, list[Scan]] = {}
    for scan in scans_of([scan.subject for scan in firsts], nation):
        trails.setdefault(scan.subject, []).append(scan)
    drawn: list[Question] = []
    for first in firsts:
        others = [scan for scan in trails[first.subject] if scan.at_ms // DAY_MS != first.at_ms // DAY_MS]
        if others and len(drawn) < count:
            drawn.append(Both(day_of(first), day_of(sample.rng.choice(others))))
    return drawn


def day_of(scan: Scan) -> Passed:
    day = scan.at_ms // DAY_MS
    return Passed(scan.site, day * DAY_MS, (day + 1) * DAY_MS)


def scans_of(subjects: list[str], nation: Nation) -> list[Scan]:
    asked = pa.table({"subject": sorted(set(subjects))})
    with duckdb.connect() as database:
        database.register("asked", asked)
        rows = database.execute(
            "SELECT subject, site, unix_ms FROM read_parquet(?) JOIN asked USING (subject) ORDER BY ALL",
            [nation.file("scans.parquet")],
        ).fetchall()
    return [Scan(*row) for row in rows]


def common(sample: Sample) -> Common:
    """Up to 80 who passed a site on a day, and others up to 100, over the week around it."""
    part = sample.part()
    scan = sample.scan(part)
    day = day_of(scan)
    there = sample.between(part, day.from_ms, day.to_ms)
    there = there.filter(pc.equal(there["site"].cast(pa.string()), scan.site))
    subjects = dict.fromkeys(there["subject"].to_pylist()[:80])
    while len(subjects) < 100:
        subjects[sample.scan().subject] = None
    from_ms = min(max(scan.at_ms // DAY_MS - 3, -(-sample.from_ms // DAY_MS)), sample.to_ms // DAY_MS - 7) * DAY_MS
    return Common(tuple(subjects), from_ms, from_ms + 7 * DAY_MS, HOUR_MS, 20)


def text(sets: list[QuestionSet]) -> str:
    """For the systems, and for whoever repeats the run."""

    def told(question: Question) -> dict[str, object]:
        return {"kind": type(question).__name__.lower(), **asdict(question)}

    content = [{"name": s.name, "questions": [told(q) for q in s.questions]} for s in sets]
    return json.dumps(content)


def read(file: Path) -> list[QuestionSet]:
    content = json.loads(file.read_text())
    return [QuestionSet(s["name"], TITLES[s["name"]], [parse(q) for q in s["questions"]]) for s in content]


def parse(told: dict[str, Any]) -> Question:
    kind, fields = told["kind"], {name: value for name, value in told.items() if name != "kind"}
    match kind:
        case "chain":
            return Chain(**{**fields, "seeds": tuple(Seed(**seed) for seed in fields["seeds"])})
        case "both":
            return Both(Passed(**fields["first"]), Passed(**fields["second"]))
        case "common":
            return Common(**{**fields, "subjects": tuple(fields["subjects"])})
    return {"passed": Passed, "distinct": Distinct, "trail": Trail, "contacts": Contacts}[kind](**fields)
