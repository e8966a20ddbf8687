"""Batches of a stream of scans: each of one site and a short time, as a checkpoint's device sends them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Scans in a batch.
BATCH = 500
#: Sites that send, as many as the devices of Truyvet's stream.
SITES = 32
#: Between two scans of a site.
SCAN_EVERY_MS = 100
#: The stream begins after the nation's last day.
START_MS = 1_630_000_000_000
#: People who pass a site, as in the load test's own streams: on average.
CROWD = 11_000


@dataclass(frozen=True)
class Batch:
    site: int
    subjects: np.ndarray
    at_ms: np.ndarray


def batches(count: int, people: int, sites: int, seed: int) -> list[Batch]:
    rng = np.random.default_rng(seed)
    senders = min(SITES, sites)
    made = []
    for number in range(count):
        sender, round_ = number % senders, number // senders
        site = sender * sites // senders
        crowd = min(CROWD, people)
        subjects = (site * people // sites + rng.integers(0, crowd, BATCH)) % people
        at_ms = START_MS + (round_ * BATCH + np.arange(BATCH)) * SCAN_EVERY_MS
        made.append(Batch(site, subjects.astype(np.int32), at_ms.astype(np.int64)))
    return made
