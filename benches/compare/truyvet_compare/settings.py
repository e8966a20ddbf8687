"""What a run is made of: sizes, options, folders."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000

#: Days of the nation.
DAYS = 14


@dataclass(frozen=True)
class Size:
    """A nation. Of those who go out on a day each is scanned about 3.3 times, so the people are chosen
    such that nobody goes out much more than once a day, and a trail of two weeks has about 40 scans
    whatever the size: then answers of the three sizes can be compared."""

    name: str
    scans: int
    people: int
    sites: int


SIZES = {
    size.name: size
    for size in (
        Size("tiny", 200_000, 20_000, 200),
        Size("20m", 20_000_000, 3_000_000, 10_000),
        Size("120m", 120_000_000, 3_000_000, 10_000),
        Size("1b", 1_000_000_000, 25_000_000, 10_000),
    )
}


@dataclass(frozen=True)
class Run:
    """All options of a run, as they are handed from process to process."""

    size: str
    scans: int
    people: int
    sites: int
    seed: int
    narrow: int
    wide: int
    passes: int
    budget_s: int
    ingest_s: int
    cold: bool
    bin: str
    out: str

    def json(self) -> dict[str, object]:
        return asdict(self)

    @property
    def dir(self) -> Path:
        """Everything of this size."""
        return Path(self.out) / self.size

    @property
    def nation_dir(self) -> Path:
        return self.dir / "nation"

    @property
    def file(self) -> Path:
        """These options."""
        return self.dir / "run.json"

    @property
    def questions_file(self) -> Path:
        return self.dir / "questions.json"

    def data_dir(self, system: str) -> Path:
        """A system's own data, removed when it has been measured."""
        return self.dir / "data" / system

    def result_file(self, system: str) -> Path:
        return self.dir / "systems" / f"{system}.json"

    def program(self, name: str) -> str:
        """A program of the project."""
        return str(Path(self.bin) / name)
