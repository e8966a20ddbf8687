"""One system from load to ingest, in a process of its own, so that none has another's memory, threads
or garbage beside it.

    python -m truyvet_compare.system NAME < run.json     writes systems/NAME.json
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from .measure import ask_all, statement_ns
from .nation import Nation
from .peers import SYSTEMS, peer_class
from .peers.peer import Ingested, Missing
from .peers.truyvet import LOAD_BYTES_A_SCAN, Truyvet
from .progress import Steps, say, step
from .questions import read
from .settings import Run
from .stream import BATCH, batches

Result = dict[str, Any]


def main() -> int:
    name, run = sys.argv[1], Run(**json.load(sys.stdin))
    file = run.result_file(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    try:
        result = truyvet(run) if name == "truyvet" else peer(name, run)
    except Missing as missing:
        say(f"{name:>12}  left out: {missing}")
        result = {"left_out": str(missing)}
    file.write_text(json.dumps({"system": name, "title": SYSTEMS[name], **result}))
    return 0


def peer(name: str, run: Run) -> Result:
    try:
        kind = peer_class(name)
    except ImportError as missing:
        raise Missing(f"{missing}; install what requirements.txt names.") from missing
    nation, directory = Nation(run.nation_dir), run.data_dir(name)
    check_room(run, directory, kind.load_bytes_a_scan)
    system = kind(directory, nation)
    system.remove()
    directory.mkdir(parents=True)
    system = kind(directory, nation)
    system.open()
    try:
        steps = Steps(name)
        system.load(steps)
        result = {"version": system.version(), **loaded(run, steps, system.bytes_on_disk())}
        sets = read(run.questions_file)
        result["statement_ns"] = statement_ns(system)
        result["asked"] = {name: ask_all(system, sets, nation, run.passes, run.budget_s)}
        if run.ingest_s:
            count = run.ingest_s * kind.ingest_rate_max // BATCH
            made = batches(count, run.people, run.sites, run.seed)
            with step(name, f"ingest: {BATCH} a batch, each durable"):
                result["ingest"] = rate(system.ingest(made, run.ingest_s))
    finally:
        system.close()
        system.remove()
    return result


def truyvet(run: Run) -> Result:
    directory = run.data_dir("truyvet")
    check_room(run, directory, LOAD_BYTES_A_SCAN)
    system = Truyvet(run, Nation(run.nation_dir), directory)
    system.remove()
    try:
        steps = Steps("truyvet")
        system.load(steps)
        result = {"version": system.version(), **loaded(run, steps, system.bytes_on_disk()), "asked": {}}
        with step("truyvet", "ask in process"):
            result["asked"]["truyvet"] = system.ask_in_process()
        with step("truyvet", "ask over HTTP"):
            result["asked"]["truyvet-http"] = system.ask_over_http()
        if run.cold:
            with step("truyvet", "ask cold"):
                result["asked"]["truyvet-cold"] = system.ask_cold()
        if run.ingest_s:
            with step("truyvet", f"ingest: {BATCH} a batch, each durable"):
                result["ingest"] = rate(system.ingest(run.ingest_s))
    finally:
        system.remove()
    return result


def check_room(run: Run, directory: Path, bytes_a_scan: int) -> None:
    needed = bytes_a_scan * run.scans
    directory.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(directory.parent).free
    if free < needed:
        raise Missing(
            f"loading needs about {needed / 1e9:.1f} GB of disk ({bytes_a_scan} bytes a scan), "
            f"{free / 1e9:.1f} GB are free in {directory.parent}; make room, or choose another folder with --out."
        )


def loaded(run: Run, steps: Steps, size: int) -> Result:
    seconds = sum(steps.seconds.values())
    return {"load": {"seconds": seconds, "steps": steps.seconds, "scans_per_second": run.scans / seconds},
            "bytes": size, "bytes_per_scan": size / run.scans, "measured_at": time.time()}  # fmt: skip


def rate(ingested: Ingested) -> Result:
    return {"scans": ingested.scans, "seconds": ingested.seconds, "clients": ingested.clients,
            "scans_per_second": ingested.scans / ingested.seconds}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
