"""A store written by a process that never held what was deleted.

DuckDB leaves memory that it has not initialised in the gaps of a block: measured with DuckDB 2.0, what a statement of
the same process had in hand (a row that was deleted, a name that was asked for) stood in the gap of a column that is
stored uncompressed, in 10 files of 10. So what stays is handed on as values, in Parquet files, and another process
writes the store from them. For every other writing `data/__init__.py` has DuckDB's allocator clear its memory: that
holds on Linux, and as long as DuckDB's memory limit is not reached.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from typing import Any

import duckdb

from data.connection import connect
from data.errors import StoreError

# table -> the SELECT that gives its rows as they are to stay, and its parameters
Selected = Callable[[str], tuple[str, list[Any]]]
_STORE, _SEQUENCE = "store.duckdb", "used.json"


def as_it_is(table: str) -> tuple[str, list[Any]]:
    """Every row of a table."""
    return f'SELECT * FROM "{table}"', []


def write_anew(connection: duckdb.DuckDBPyConnection, path: Path, selected: Selected = as_it_is) -> None:
    """Write what `selected` gives of the store of `connection` to `path`, in one step: there is all of it or none.

    The values pass through a folder beside `path`. Raises StoreError where the other process fails.
    """
    folder = path.with_name(path.name + ".anew")
    rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        _hand_on(connection, folder, selected)
        _asked_of_another(folder)
        synced(folder / _STORE)
        (folder / _STORE).replace(path)
        synced(path.parent)
    finally:
        rmtree(folder, ignore_errors=True)


def renew(path: Path, selected: Selected = as_it_is) -> None:
    """Let the closed store at `path` be written anew."""
    connection = connect(path, read_only=True)
    try:
        write_anew(connection, path, selected)
    finally:
        connection.close()


def _hand_on(connection: duckdb.DuckDBPyConnection, folder: Path, selected: Selected) -> None:
    tables = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND NOT temporary"
    ).fetchall()
    for (table,) in tables:
        sql, params = selected(table)
        connection.execute(f"COPY ({sql}) TO {_quoted(folder / f'{table}.parquet')} (FORMAT parquet)", params)
    used = connection.execute(
        # No last value where nothing was numbered since an earlier rewriting: then it stands before its start.
        """SELECT greatest(coalesce(last_value, 0), start_value - 1) FROM duckdb_sequences()
        WHERE sequence_name = 'used_number' AND database_name = current_database()"""
    ).fetchall()
    (folder / _SEQUENCE).write_text(json.dumps(used[0][0]))


def _asked_of_another(folder: Path) -> None:
    ours = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "data.anew", str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([ours, *filter(None, [os.getenv("PYTHONPATH")])])},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        why = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise StoreError(
            f"the store could not be written anew: {why[-1]}",
            "it is as it was; there has to be room beside it for two copies of what stays",
        )


def _write(folder: Path) -> None:
    """What the other process does."""
    connection = connect(folder / _STORE, read_only=False)
    for file in sorted(folder.glob("*.parquet")):
        if file.stem != "meta":
            connection.execute(
                f'INSERT INTO "{file.stem}" BY NAME SELECT * FROM read_parquet({_quoted(file)})'
            )
    connection.execute(
        f"INSERT INTO meta SELECT * FROM read_parquet({_quoted(folder / 'meta.parquet')}) "
        "WHERE key != 'schema_version'"
    )
    used = json.loads((folder / _SEQUENCE).read_text())
    connection.execute("DROP SEQUENCE used_number")
    connection.execute(f"CREATE SEQUENCE used_number START {used + 1}")
    connection.execute("CHECKPOINT")
    connection.close()


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def synced(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
