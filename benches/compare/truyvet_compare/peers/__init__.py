"""One file a system. Peers are imported when they are asked for: each needs its own packages."""

from __future__ import annotations

from importlib import import_module

from .peer import Peer

#: Name and title, in the order of tables and plots.
SYSTEMS = {
    "truyvet": "Truyvet",
    "postgres": "PostgreSQL",
    "sqlite": "SQLite",
    "duckdb": "DuckDB",
    "clickhouse": "ClickHouse",
}

_CLASSES = {
    "postgres": "Postgres",
    "sqlite": "Sqlite",
    "duckdb": "DuckDb",
    "clickhouse": "ClickHouse",
}


def peer_class(name: str) -> type[Peer]:
    return getattr(import_module(f".{name}", __package__), _CLASSES[name])
