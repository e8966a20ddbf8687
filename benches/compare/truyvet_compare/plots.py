"""Pictures of the results, as SVG: latency by question, bytes, load, ingest; growth over the sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from .report import COLUMNS, Results
from .settings import Run

COLOURS = {
    "truyvet": "#c1121f",
    "truyvet-http": "#f28482",
    "postgres": "#31648c",
    "sqlite": "#7fb2d6",
    "duckdb": "#d9a400",
    "clickhouse": "#6b705c",
}


def write(run: Run, sizes: dict[str, Results]) -> None:
    """Into the report of this run's size; the growth too, where there are several sizes."""
    folder, results = run.dir / "report", sizes[run.size]
    if not results["questions"]:
        return
    latency(results, folder / "latency.svg")
    loading(results, folder / "loading.svg")
    compared = {size: one for size, one in sizes.items() if size != "tiny"}
    if len(compared) > 1:
        growth(compared, folder / "growth.svg")


def latency(results: Results, file: Path) -> None:
    """A group of bars a question, on a logarithmic scale."""
    questions = results["questions"]
    columns = [c for c in COLOURS if any(c in one["cells"] for one in questions.values())]
    figure, axes = plt.subplots(figsize=(13, 5))
    width = 0.85 / len(columns)
    for place, column in enumerate(columns):
        values = [one["cells"].get(column, {}).get("p50_ms", np.nan) for one in questions.values()]
        at = np.arange(len(values)) + (place - (len(columns) - 1) / 2) * width
        axes.bar(at, values, width, label=COLUMNS[column], color=COLOURS[column])
    axes.set_yscale("log")
    axes.set_ylabel("p50, ms")
    axes.set_xticks(range(len(questions)), [wrapped(one["title"]) for one in questions.values()], fontsize=7)
    axes.grid(axis="y", alpha=0.3)
    axes.set_title(f"Warm latency, {results['run']['scans']:,} scans (lower is better)")
    axes.legend(fontsize=8, ncols=len(columns))
    save(figure, file)


def loading(results: Results, file: Path) -> None:
    """Bytes, load and ingest beside each other."""
    measured = {name: s for name, s in results["systems"].items() if "load" in s}
    figure, (bytes_axes, load_axes, ingest_axes) = plt.subplots(1, 3, figsize=(13, 3.6))
    bars(bytes_axes, "bytes a scan (lower is better)", {n: s["bytes_per_scan"] for n, s in measured.items()})
    rates = {n: s["load"]["scans_per_second"] for n, s in measured.items()}
    bars(load_axes, "bulk load, scans/s", rates)
    streams = {n: s["ingest"]["scans_per_second"] for n, s in measured.items() if "ingest" in s}
    bars(ingest_axes, "durable stream, scans/s", streams)
    save(figure, file)


def bars(axes: Axes, title: str, values: dict[str, float]) -> None:
    names = [column for column in COLOURS if column in values]
    drawn = axes.barh([SHORT[name] for name in names], [values[name] for name in names],
                      color=[COLOURS[name] for name in names])  # fmt: skip
    labels = [f"{values[name]:,.1f}" if values[name] < 1_000 else f"{values[name]:,.0f}" for name in names]
    axes.bar_label(drawn, labels, fontsize=8, padding=2)
    axes.margins(x=0.25)
    axes.invert_yaxis()
    axes.set_title(title, fontsize=10)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.tick_params(labelsize=7)


SHORT = {"truyvet": "Truyvet", **{name: title for name, title in COLUMNS.items() if not name.startswith("truyvet")}}


def growth(sizes: dict[str, Results], file: Path) -> None:
    """A small picture a question: p50 over the number of scans, both logarithmic."""
    questions = next(iter(sizes.values()))["questions"]
    figure, grid = plt.subplots(3, 3, figsize=(13, 9), sharex=True)
    for axes, name in zip(grid.flat, questions, strict=False):
        for column in COLOURS:
            points = [point(results, name, column) for results in sizes.values()]
            known = [p for p in points if p is not None]
            if known:
                axes.plot(*zip(*known, strict=True), marker="o", label=COLUMNS[column], color=COLOURS[column])
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.grid(alpha=0.3)
        axes.set_title(questions[name]["title"], fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("scans")
    for axes in grid[:, 0]:
        axes.set_ylabel("p50, ms")
    grid.flat[0].legend(fontsize=7)
    save(figure, file)


def point(results: Results, name: str, column: str) -> tuple[int, float] | None:
    cell = results["questions"].get(name, {}).get("cells", {}).get(column)
    return (results["run"]["scans"], cell["p50_ms"]) if cell else None


def wrapped(title: str) -> str:
    return title.replace(", ", ",\n").replace(" (", "\n(").replace(" of ", " of\n", 1)


def save(figure: Any, file: Path) -> None:
    figure.tight_layout()
    figure.savefig(file)
    plt.close(figure)
