"""Truyvet: by its own programs, as anybody would use it.

Loaded from the files with codes (numbers are given on the way in), sealed, and asked twice: by a program
that opens the directory itself, and over HTTP on a connection that stays open.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..nation import Nation
from ..progress import Steps, say
from ..settings import Run
from ..stream import BATCH, SITES
from .peer import Ingested

#: Bytes of disk a scan at the worst moment: runs, and what a merge writes beside them.
LOAD_BYTES_A_SCAN = 20

#: Of every process: a quarter of the machine's, as PostgreSQL has.
MEMORY_BYTES = 6 << 30


@dataclass(frozen=True)
class Truyvet:
    run: Run
    nation: Nation
    dir: Path

    name = "truyvet"

    def version(self) -> str:
        return output([self.run.program("truyvet"), "--version"]).split()[-1]

    def load(self, steps: Steps) -> None:
        with steps("areas, sites, people"):
            self.truyvet("import", *self.files("areas", "sites", "people"))
        with steps("scans"):
            self.truyvet("import", "--scans", self.nation.file("scans.parquet"))
        with steps("seal"):
            self.truyvet("seal")

    def files(self, *names: str) -> list[str]:
        return [part for name in names for part in (f"--{name}", self.nation.file(f"{name}.csv"))]

    def truyvet(self, word: str, *arguments: str) -> None:
        command = [self.run.program("truyvet"), word, "--data", str(self.dir), "--config", str(self.config())]
        output([*command, *arguments], quiet=True)

    def config(self) -> Path:
        """Written anew: where the data lies it may not be yet, or not any more."""
        file = self.dir.with_suffix(".toml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"[engine]\nmemory_bytes = {MEMORY_BYTES}\n", encoding="utf-8")
        return file

    def bytes_on_disk(self) -> int:
        return sum(file.stat().st_size for file in self.dir.rglob("*") if file.is_file())

    def ask(self, *target: str) -> list[dict[str, object]]:
        """What `compare_ask` prints: for each set its digests, numbers of rows and latencies."""
        command = [self.run.program("compare_ask"), "--questions", str(self.run.questions_file)]
        command += ["--passes", str(self.run.passes), "--budget", str(self.run.budget_s), *target]
        return json.loads(output(command))

    def ask_in_process(self) -> list[dict[str, object]]:
        return self.ask("--data", str(self.dir))

    def ask_cold(self) -> list[dict[str, object]]:
        return self.ask("--data", str(self.dir), "--cold")

    def ask_over_http(self) -> list[dict[str, object]]:
        with self.server(self.dir) as addresses:
            return self.ask("--url", addresses["http"])

    def ingest(self, seconds: int) -> Ingested:
        """Through QUIC, as devices send: the load test's own figure, with its own checks."""
        data, report = self.dir.with_name("stream"), self.dir.with_name("stream-report")
        with self.server(data) as addresses:
            command = [self.run.program("truyvet-loadtest"), "run", "--max", "--devices", str(SITES)]
            command += ["--url", addresses["http"], "--gateway", addresses["quic"]]
            command += ["--batch", str(BATCH), "--duration", f"{seconds}s", "--report", str(report)]
            command += ["--people", str(self.run.people), "--sites", str(self.run.sites)]
            output(command)
        totals = json.loads((report / "report.json").read_text())["totals"]
        for directory in (data, report):
            shutil.rmtree(directory)
        return Ingested(totals["acknowledged"], totals["seconds"], SITES)

    @contextmanager
    def server(self, data: Path) -> Iterator[dict[str, str]]:
        """A server on loopback, and its addresses; ended when they are no longer needed."""
        data.parent.mkdir(parents=True, exist_ok=True)
        log = data.with_suffix(".log")
        command = [self.run.program("truyvet"), "serve", "--data", str(data)]
        command += ["--http", "127.0.0.1:0", "--quic", "127.0.0.1:0", "--config", str(self.config())]
        with open(log, "w", encoding="utf-8") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            yield wait_for(process, data / "server.json", log)
        finally:
            process.terminate()
            process.wait()
        log.unlink()

    def remove(self) -> None:
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.with_suffix(".toml").unlink(missing_ok=True)


def wait_for(process: subprocess.Popen[bytes], file: Path, log: Path) -> dict[str, str]:
    """The addresses that the server wrote when it was ready; a file of a process before it is none."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The server ended with {process.returncode}; {log} says why.")
        if file.exists():
            try:
                addresses = json.loads(file.read_text())
            except ValueError:
                addresses = {}
            if addresses.get("pid") == process.pid:
                return addresses
        time.sleep(0.05)
    raise RuntimeError(f"The server was not ready in time; {log} may say why.")


def output(command: list[str], quiet: bool = False) -> str:
    """What a program prints; its progress goes to the terminal, unless quiet, and its complaints too."""
    errors = subprocess.PIPE if quiet else None
    outcome = subprocess.run(command, stdout=subprocess.PIPE, stderr=errors, text=True, check=False)
    if outcome.returncode != 0:
        say(f"{outcome.stdout}{outcome.stderr or ''}")
        raise RuntimeError(f"{' '.join(command[:2])} ended with {outcome.returncode}.")
    return outcome.stdout
