"""What systems' answers are compared by: rows as lines of text, sorted, as one SHA-256. The program
`compare_ask` writes the same lines for Truyvet (`benches/src/bin/compare_ask/digest.rs`)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from .nation import Nation
from .questions import Both, Chain, Common, Contacts, Distinct, Passed, Question, Trail

#: Rows of a peer: numbers for codes.
Rows = list[tuple[Any, ...]]


def digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def lines(question: Question, rows: Rows, nation: Nation) -> list[str]:
    """The rows with codes for numbers."""
    match question:
        case Passed() | Contacts():
            codes = nation.codes_of([row[0] for row in rows])
            return [",".join(map(str, (code, *row[1:]))) for code, row in zip(codes, rows, strict=True)]
        case Distinct():
            return [str(row[0]) for row in rows]
        case Trail():
            return [f"{at_ms},{nation.site_codes[site]}" for at_ms, site in rows]
        case Both():
            return nation.codes_of([row[0] for row in rows])
        case Common():
            return [f"{nation.site_codes[site]},{from_ms},{given},{all_}" for site, from_ms, given, all_ in rows]
        case Chain():
            return chain_lines(question, rows, nation)


def chain_lines(question: Chain, rows: Rows, nation: Nation) -> list[str]:
    """Rows are (generation, subject, exposed_at, rank of `from`, site): the rank is that of the code
    among the generation before, from 1, since that is what a tie is decided by."""
    codes = nation.codes_of([row[1] for row in rows])
    members: dict[int, list[str]] = {0: [seed.subject for seed in question.seeds]}
    for row, code in zip(rows, codes, strict=True):
        members.setdefault(row[0], []).append(code)
    ranked = {generation: sorted(codes) for generation, codes in members.items()}
    told = [f"0,{seed.subject},{seed.exposed_at_ms},," for seed in question.seeds]
    for (generation, _, exposed_at, rank, site), code in zip(rows, codes, strict=True):
        source = ranked[generation - 1][rank - 1]
        told.append(f"{generation},{code},{exposed_at},{source},{nation.site_codes[site]}")
    return told
