"""What was found: differences between answers, tables for the terminal and as Markdown, all of it as
JSON."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .peers import SYSTEMS
from .questions import TITLES
from .settings import SIZES, Run

#: Columns of the tables: who answered, and how.
COLUMNS = {
    "truyvet": "Truyvet, in process",
    "truyvet-http": "Truyvet, HTTP",
    **{name: title for name, title in SYSTEMS.items() if name != "truyvet"},
    "truyvet-cold": "Truyvet, cold",
}
PEERS = [name for name in SYSTEMS if name != "truyvet"]

Results = dict[str, Any]
Table = list[list[str]]


def collect(run: Run) -> Results:
    """The systems' own files as one value: statistics of each question beside each other."""
    files = [run.result_file(name) for name in SYSTEMS]
    systems = {file.stem: json.loads(file.read_text()) for file in files if file.exists()}
    asked = {column: by_name(sets) for s in systems.values() for column, sets in s.get("asked", {}).items()}
    questions = {name: question(name, asked) for name in TITLES if any(name in sets for sets in asked.values())}
    return {"run": run.json(), "machine": machine(), "systems": systems, "questions": questions}


def by_name(sets: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in sets}


def question(name: str, asked: dict[str, dict[str, Any]]) -> dict[str, Any]:
    answered = {column: asked[column][name] for column in COLUMNS if name in asked.get(column, {})}
    longest = max(answered.values(), key=lambda one: len(one["rows"]))
    cells = {column: statistics(one) for column, one in answered.items()}
    p50 = {column: cell["p50_ms"] for column, cell in cells.items()}
    peers = [column for column in PEERS if column in p50]
    best = min(peers, key=p50.__getitem__, default=None)
    ratios = {column: p50[best] / p50[column] for column in ("truyvet", "truyvet-http") if best and column in p50}
    return {"title": TITLES[name], "rows_p50": float(np.median(longest["rows"])), "rows_max": max(longest["rows"]),
            "cells": cells, "best_peer": best, "best_peer_ratio": ratios}  # fmt: skip


def statistics(asked: dict[str, Any]) -> dict[str, Any]:
    latency_ms = np.array(asked["latency_ns"]) / 1e6
    return {"questions": len(asked["digests"]), "timed": len(latency_ms),
            "p50_ms": float(np.percentile(latency_ms, 50)), "p99_ms": float(np.percentile(latency_ms, 99)),
            "mean_ms": float(latency_ms.mean())}  # fmt: skip


def machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"cores": os.cpu_count(), "memory_gb": round(memory / 2**30), "system": platform.platform()}


def differences(results: Results) -> list[str]:
    """Every question whose answers are not all equal, with what each system's digest is."""
    problems = []
    asked = {column: by_name(sets) for s in results["systems"].values() for column, sets in s.get("asked", {}).items()}
    for name in TITLES:
        answered = {column: sets[name]["digests"] for column, sets in asked.items() if name in sets}
        for number in range(max(map(len, answered.values()), default=0)):
            told = {column: digests[number] for column, digests in answered.items() if number < len(digests)}
            if len(set(told.values())) > 1:
                problems.append(f"{name} {number}: {disagreement(told)}")
    return problems


def disagreement(told: dict[str, str]) -> str:
    groups: dict[str, list[str]] = {}
    for column, digest in told.items():
        groups.setdefault(digest, []).append(column)
    return " differs from ".join(f"{', '.join(columns)} ({digest[:8]})" for digest, columns in groups.items())


def failures(results: Results) -> list[str]:
    return [f"{s['title']} failed: {s['failed']}" for s in results["systems"].values() if "failed" in s]


def write(run: Run, results: Results, problems: list[str]) -> None:
    folder = run.dir / "report"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps({**results, "problems": problems}, indent=1))
    (folder / "table.md").write_text(markdown(results, problems))


def all_sizes(out: Path) -> dict[str, Results]:
    """The newest results of every size, smallest first."""
    files = {size: out / size / "report" / "results.json" for size in SIZES}
    return {size: json.loads(file.read_text()) for size, file in files.items() if file.exists()}


def latency_table(results: Results) -> Table:
    answered = {column for one in results["questions"].values() for column in one["cells"]}
    columns = [column for column in COLUMNS if column in answered]
    head = ["p50 / p99, ms", "rows", *(COLUMNS[column] for column in columns), "best peer", "÷ in process", "÷ HTTP"]
    table = [head]
    for one in results["questions"].values():
        cells = [cell(one["cells"].get(column)) for column in columns]
        best = COLUMNS.get(one["best_peer"], "-")
        ratios = [ratio(one["best_peer_ratio"].get(column)) for column in ("truyvet", "truyvet-http")]
        table.append([one["title"], f"{one['rows_p50']:,.0f}", *cells, best, *ratios])
    return table


def cell(statistics: dict[str, Any] | None) -> str:
    return f"{ms(statistics['p50_ms'])} / {ms(statistics['p99_ms'])}" if statistics else "-"


def ms(value: float) -> str:
    """Three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.{2 if value >= 1 else 3}f}"


def ratio(value: float | None) -> str:
    return f"{value:.1f}" if value is not None else "-"


def load_table(results: Results) -> Table:
    table = [["", "version", "bytes a scan", "load, scans/s", "load, s", "ingest, scans/s", "smallest statement, ms"]]
    for system in results["systems"].values():
        if "load" not in system:
            why = system.get("left_out", system.get("failed", ""))
            table.append([system["title"], why, *["-"] * 5])
            continue
        statement = system.get("statement_ns")
        ingest = system.get("ingest")
        table.append([
            system["title"], system["version"], f"{system['bytes_per_scan']:.2f}",
            f"{system['load']['scans_per_second']:,.0f}", f"{system['load']['seconds']:,.1f}",
            f"{ingest['scans_per_second']:,.0f}" if ingest else "-",
            ms(float(np.median(statement)) / 1e6) if statement else "-",
        ])  # fmt: skip
    return table


def load_ratios(results: Results) -> list[str]:
    """Truyvet beside the best peer in bytes, load and ingest."""
    measured = {name: s for name, s in results["systems"].items() if "load" in s}
    own = measured.get("truyvet")
    peers = [s for name, s in measured.items() if name != "truyvet"]
    if own is None or not peers:
        return []
    told = [
        f"bytes: {own['bytes_per_scan'] / min(s['bytes_per_scan'] for s in peers):.2f} of the smallest peer's",
        f"load: {own['load']['scans_per_second'] / max(s['load']['scans_per_second'] for s in peers):.1f} times the fastest peer's",
    ]
    streams = [s["ingest"]["scans_per_second"] for s in peers if "ingest" in s]
    if "ingest" in own and streams:
        told.append(f"ingest: {own['ingest']['scans_per_second'] / max(streams):.1f} times the fastest peer's")
    return told


def title(results: Results) -> str:
    run, box = results["run"], results["machine"]
    return (f"{run['scans']:,} scans of {run['people']:,} people at {run['sites']:,} sites, 14 days, seed {run['seed']}; "
            f"{box['cores']} cores, {box['memory_gb']} GiB")  # fmt: skip


def verdict(results: Results, problems: list[str]) -> str:
    columns = {column for one in results["questions"].values() for column in one["cells"]} - {"truyvet-cold"}
    asked = sum(max(c["questions"] for c in one["cells"].values()) for one in results["questions"].values())
    if problems:
        return "\n".join(["NOT EQUAL, or failed:", *problems[:20], *([f"and {len(problems) - 20} more"] if len(problems) > 20 else [])])
    return f"All answers are equal: {asked:,} questions, {len(columns)} ways of asking."


def markdown(results: Results, problems: list[str]) -> str:
    parts = [title(results), verdict(results, problems), pipes(latency_table(results)), pipes(load_table(results))]
    parts += ["; ".join(load_ratios(results))]
    return "\n\n".join(part for part in parts if part) + "\n"


def pipes(table: Table) -> str:
    head, *rows = table
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def terminal(results: Results, problems: list[str]) -> str:
    parts = [title(results), aligned(latency_table(results)), aligned(load_table(results))]
    parts += ["\n".join(load_ratios(results)), verdict(results, problems)]
    return "\n\n".join(part for part in parts if part)


def aligned(table: Table) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(line(row, widths) for row in table)


def line(row: Iterable[str], widths: list[int]) -> str:
    first, *others = zip(row, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)])
