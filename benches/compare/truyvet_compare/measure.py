"""The clock around a peer's answers, as `compare_ask` has it around Truyvet's.

A first pass over a set's questions is not timed: its rows become the digests that are compared, and it
warms what the timed passes then find warm. Collecting garbage waits until a set is done.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from .answers import digest, lines
from .nation import Nation
from .peers.peer import Peer, Raw
from .progress import step
from .questions import Both, Chain, Common, Contacts, Distinct, Passed, Question, QuestionSet, Trail

Asked = dict[str, object]


def ask_all(peer: Peer, sets: list[QuestionSet], nation: Nation, passes: int, budget_s: int) -> list[Asked]:
    bound = bind_all(peer, sets, nation)
    asked = []
    for questions in sets:
        with step(peer.name, f"ask: {questions.name}"):
            asked.append(ask_set(peer, questions, bound[questions.name], nation, passes, budget_s))
    return asked


def ask_set(
    peer: Peer,
    questions: QuestionSet,
    askers: list[Callable[[], Raw]],
    nation: Nation,
    passes: int,
    budget_s: int,
) -> Asked:
    """Half of the time is for the first pass; what is beyond the budget is left out."""
    digests: list[str] = []
    rows: list[int] = []
    latency_ns: list[int] = []
    began = time.monotonic()
    for question, ask in zip(questions.questions, askers, strict=True):
        if time.monotonic() - began > budget_s / 2 and digests:
            break
        told = lines(question, peer.rows(ask()), nation)
        digests.append(digest(told))
        rows.append(len(told))
    gc.collect()
    gc.disable()
    for ask in askers[: len(digests)] * passes:
        if time.monotonic() - began > budget_s and latency_ns:
            break
        latency_ns.append(timed(ask))
    gc.enable()
    return {"name": questions.name, "digests": digests, "rows": rows, "latency_ns": latency_ns}


def timed(ask: Callable[[], Raw]) -> int:
    began = time.perf_counter_ns()
    raw = ask()
    took = time.perf_counter_ns() - began
    del raw
    return took


def statement_ns(peer: Peer) -> list[int]:
    """What the smallest statement costs."""
    for _ in range(100):
        peer.nothing()
    return [timed(peer.nothing) for _ in range(500)]


def bind_all(peer: Peer, sets: list[QuestionSet], nation: Nation) -> dict[str, list[Callable[[], Raw]]]:
    """Questions with numbers for codes: that is not timed either."""
    subjects = nation.subject_numbers([code for s in sets for q in s.questions for code in subjects_of(q)])
    return {s.name: [bind(peer, q, nation, subjects) for q in s.questions] for s in sets}


def subjects_of(question: Question) -> list[str]:
    match question:
        case Trail(subject=subject) | Contacts(subject=subject):
            return [subject]
        case Chain(seeds=seeds):
            return [seed.subject for seed in seeds]
        case Common(subjects=subjects):
            return list(subjects)
        case _:
            return []


def bind(peer: Peer, question: Question, nation: Nation, subjects: dict[str, int]) -> Callable[[], Raw]:
    def visit(passed: Passed) -> tuple[int, int, int]:
        return nation.site_numbers[passed.site], passed.from_ms, passed.to_ms

    match question:
        case Passed():
            place = visit(question)
            return lambda: peer.passed(*place)
        case Distinct(area, from_ms, to_ms):
            number = nation.area_numbers[area]
            return lambda: peer.distinct(number, from_ms, to_ms)
        case Trail(code, from_ms, to_ms):
            subject = subjects[code]
            return lambda: peer.trail(subject, from_ms, to_ms)
        case Contacts(code, from_ms, to_ms, window_ms):
            subject = subjects[code]
            return lambda: peer.contacts(subject, from_ms, to_ms, window_ms)
        case Chain(seeds, from_ms, to_ms, window_ms, _):
            exposed = [(subjects[seed.subject], seed.exposed_at_ms) for seed in seeds]
            return lambda: peer.chain(exposed, from_ms, to_ms, window_ms)
        case Both(first, second):
            one, other = visit(first), visit(second)
            return lambda: peer.both(one, other)
        case Common(codes, from_ms, to_ms, cell_ms, top):
            given = [subjects[code] for code in codes]
            return lambda: peer.common(given, from_ms, to_ms, cell_ms, top)
