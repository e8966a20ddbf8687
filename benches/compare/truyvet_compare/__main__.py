"""The command line: nation, questions, every system, report. Exit code 1 where answers differ."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

from . import nation, plots, questions, report
from .peers import SYSTEMS
from .progress import say, step
from .settings import SIZES, Run

OUT = Path(__file__).resolve().parents[1] / "out"


def main() -> int:
    options = parse()
    size = SIZES[options.size]
    run = Run(
        size=size.name,
        scans=options.scans or size.scans,
        people=options.people or size.people,
        sites=options.sites or size.sites,
        seed=options.seed,
        narrow=options.narrow,
        wide=options.wide,
        passes=options.passes,
        budget_s=options.budget,
        ingest_s=0 if options.no_ingest else options.ingest,
        cold=options.cold,
        bin=str(Path(options.bin).resolve()),
        out=str(Path(options.out).resolve()),
    )
    if options.report_only:
        return write_report(Run(**json.loads(run.file.read_text())))
    made = nation.make(run)
    with step("questions", f"draw with seed {run.seed}"):
        drawn = questions.text(questions.draw(made, run.seed, run.narrow, run.wide))
    if not options.keep or not same(run, drawn):
        shutil.rmtree(run.dir / "systems", ignore_errors=True)
    run.questions_file.write_text(drawn)
    run.file.write_text(json.dumps(run.json()))
    for name in options.peers:
        measure(name, run)
    return write_report(run)


def same(run: Run, drawn: str) -> bool:
    """Whether results that are there answer these questions."""
    if run.questions_file.exists() and run.questions_file.read_text() == drawn:
        return True
    say("   --keep     the nation or the questions are others than before: nothing is kept")
    return False


def measure(name: str, run: Run) -> None:
    """A system that fails does not end the run: the report says that it failed."""
    command = [sys.executable, "-m", "truyvet_compare.system", name]
    outcome = subprocess.run(command, input=json.dumps(run.json()), text=True, check=False)
    if outcome.returncode != 0:
        say(f"{name:>12}  FAILED with {outcome.returncode}; what it printed stands above")
        failed = {"system": name, "title": SYSTEMS[name], "failed": f"exit code {outcome.returncode}"}
        run.result_file(name).write_text(json.dumps(failed))


def write_report(run: Run) -> int:
    results = report.collect(run)
    problems = report.differences(results) + report.failures(results)
    report.write(run, results, problems)
    plots.write(run, report.all_sizes(Path(run.out)))
    print(report.terminal(results, problems))
    say(f"results, table and plots: {run.dir / 'report'}")
    return 1 if problems else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/compare/run", description=__doc__)
    add = parser.add_argument
    add("--size", choices=SIZES, default="20m", help="how large a nation [20m]")
    add("--peers", type=systems, default=list(SYSTEMS), metavar="A,B",
        help=f"which systems, of {', '.join(SYSTEMS)} [all]")  # fmt: skip
    add("--seed", type=int, default=1, help="of the nation and the questions [1]")
    add("--narrow", type=int, default=200, help="questions of each narrow kind [200]")
    add("--wide", type=int, default=30, help="questions of each wide kind: areas and chains [30]")
    add("--passes", type=int, default=3, help="how often each is asked with the clock running [3]")
    add("--budget", type=int, default=120, help="most seconds for one kind of one system [120]")
    add("--ingest", type=int, default=20, help="seconds of the durable stream [20]")
    add("--no-ingest", action="store_true", help="no durable stream")
    add("--cold", action="store_true", help="Truyvet also with the page cache dropped before each question; needs root")
    add("--keep", action="store_true", help="keep the results of the systems that are not run now")
    add("--people", type=int, help="people, instead of the size's")
    add("--sites", type=int, help="sites, instead of the size's")
    add("--scans", type=int, help="scans, instead of the size's")
    add("--out", default=OUT, help="folder for data and results; needs room for both [out beside this]")
    add("--report-only", action="store_true", help="tables and plots anew from the results that are there")
    add("--bin", required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def systems(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in SYSTEMS:
            raise argparse.ArgumentTypeError(f"`{name}` is none of {', '.join(SYSTEMS)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
