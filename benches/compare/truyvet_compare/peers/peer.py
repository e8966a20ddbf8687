"""What every peer can do. A peer's file shows its tables, statements and tuning from top to bottom."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..answers import Rows
from ..nation import Nation
from ..progress import Steps
from ..stream import Batch

#: What the clock stops at: whatever the driver hands over when all of an answer is in this process.
Raw = Any


@dataclass(frozen=True)
class Ingested:
    """A durable stream: every batch was on disk before the next of its client was sent."""

    scans: int
    seconds: float
    clients: int


class Missing(Exception):
    """The peer cannot take part; the text says what to do."""


class Peer(ABC):
    """A database with the nation in it. All numbers are ids, all times unix milliseconds."""

    #: Name for options and files; title for tables.
    name: ClassVar[str]
    title: ClassVar[str]
    #: Bytes of disk a scan at the worst moment of loading, sorts' temporary files included.
    load_bytes_a_scan: ClassVar[int]
    #: More scans a second than it will take: how many batches are made ready for the stream.
    ingest_rate_max: ClassVar[int]

    def __init__(self, directory: Path, nation: Nation) -> None:
        self.dir = directory
        self.nation = nation

    @abstractmethod
    def version(self) -> str: ...

    @abstractmethod
    def load(self, steps: Steps) -> None:
        """Makes the tables and brings in everything, from the nation's Parquet files, until it is as it
        will be asked, and on disk."""

    @abstractmethod
    def bytes_on_disk(self) -> int:
        """Of all that was loaded: tables, indexes, codes."""

    @abstractmethod
    def open(self) -> None:
        """Connects, after a load or to one of before."""

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def nothing(self) -> Raw:
        """The smallest statement there is: its time is what any statement costs."""

    @abstractmethod
    def passed(self, site: int, from_ms: int, to_ms: int) -> Raw:
        """Rows (subject, first, last, scans)."""

    @abstractmethod
    def distinct(self, area: int, from_ms: int, to_ms: int) -> Raw:
        """One row (subjects)."""

    @abstractmethod
    def trail(self, subject: int, from_ms: int, to_ms: int) -> Raw:
        """Rows (at, site), in order of time."""

    @abstractmethod
    def contacts(self, subject: int, from_ms: int, to_ms: int, window_ms: int) -> Raw:
        """Rows (subject, events, min gap, first, last)."""

    @abstractmethod
    def chain(self, seeds: list[tuple[int, int]], from_ms: int, to_ms: int, window_ms: int) -> Raw:
        """Two generations after the seeds (subject, exposed at): rows (generation, subject, exposed at,
        rank of the code of whom from among the generation before, from 1, site)."""

    @abstractmethod
    def both(self, first: tuple[int, int, int], second: tuple[int, int, int]) -> Raw:
        """Rows (subject) of those at both (site, from, to)."""

    @abstractmethod
    def common(self, subjects: list[int], from_ms: int, to_ms: int, cell_ms: int, top: int) -> Raw:
        """Rows (site, start of the cell, given, all)."""

    @abstractmethod
    def rows(self, raw: Raw) -> Rows:
        """The rows of an answer; this is not timed."""

    @abstractmethod
    def ingest(self, batches: list[Batch], seconds: int) -> Ingested:
        """Streams into empty tables in which both kinds of question can be answered, each batch
        durable and visible when its statement returns."""

    def remove(self) -> None:
        shutil.rmtree(self.dir, ignore_errors=True)
