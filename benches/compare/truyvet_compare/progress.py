"""What is told on the terminal while a run goes on: one line a step, with the time that it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(who: str, what: str) -> Iterator[None]:
    """Names a step when it begins and tells its time when it ends."""
    print(f"{who:>12}  {what} ... ", end="", file=sys.stderr, flush=True)
    began = time.perf_counter()
    yield
    say(f"{time.perf_counter() - began:.1f} s")


class Steps:
    """Timed steps of a load, by name and in order."""

    def __init__(self, who: str) -> None:
        self.who = who
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        with step(self.who, f"load: {name}"):
            yield
        self.seconds[name] = time.perf_counter() - began
