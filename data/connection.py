"""Opening the DuckDB file: locks, damage, age and the schema. The only place that connects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import duckdb

from data.errors import StoreError, StoreInUse
from data.trouble import STORE_WAY, made

SCHEMA_VERSION = 6
# From each older schema to the next. Texts that are there already stay compressed until a purge rewrites the file.
MIGRATIONS = {
    1: "CREATE TABLE IF NOT EXISTS sketches (kind VARCHAR, text_hash VARCHAR, data BLOB)",
    2: """CREATE TABLE IF NOT EXISTS row_losses
        (run_id VARCHAR, record_id VARCHAR, split VARCHAR, tokens BIGINT, before DOUBLE, after DOUBLE)""",
    3: """CREATE TABLE IF NOT EXISTS erasures (erasure VARCHAR, kind VARCHAR, status VARCHAR, created TIMESTAMP,
            request VARCHAR, salt VARCHAR, report VARCHAR);
        CREATE TABLE IF NOT EXISTS forgotten (record_id VARCHAR, erasure VARCHAR);
        CREATE TABLE IF NOT EXISTS places (kind VARCHAR, path VARCHAR, version VARCHAR, created TIMESTAMP)""",
    4: """CREATE TABLE IF NOT EXISTS desk_datasets (dataset VARCHAR, place VARCHAR, version VARCHAR, scrubbed BOOLEAN,
            questions VARCHAR, overlap INTEGER, created TIMESTAMP);
        CREATE TABLE IF NOT EXISTS desk_items (dataset VARCHAR, item VARCHAR, record_id VARCHAR, text_hash VARCHAR,
            shown_hash VARCHAR, why VARCHAR, suggestions VARCHAR USING COMPRESSION 'uncompressed', hidden VARCHAR,
            gold VARCHAR USING COMPRESSION 'uncompressed', pushed TIMESTAMP);
        CREATE TABLE IF NOT EXISTS annotators (annotator VARCHAR, key VARCHAR);
        CREATE TABLE IF NOT EXISTS annotations (number BIGINT, dataset VARCHAR, response VARCHAR, item VARCHAR,
            record_id VARCHAR, text_hash VARCHAR, annotator VARCHAR, status VARCHAR,
            answers VARCHAR USING COMPRESSION 'uncompressed', stale BOOLEAN, answered TIMESTAMP, pulled TIMESTAMP)""",
    # Each version becomes a part of its own: see schema.sql.
    5: "".join(
        f"""ALTER TABLE {noun}s RENAME TO {noun}_rows; ALTER TABLE {noun}_rows RENAME COLUMN version TO part;
        CREATE TABLE {noun}_parts AS SELECT version, version AS part FROM versions;
        CREATE TABLE {noun}_gaps (version VARCHAR, part VARCHAR, record_id VARCHAR);
        CREATE VIEW {noun}s AS SELECT version, {columns}
        FROM {noun}_parts JOIN {noun}_rows USING (part) ANTI JOIN {noun}_gaps USING (version, part, record_id);"""
        for noun, columns in (
            ("member", "record_id, text_hash, split"),
            ("verdict", "record_id, action, reason, score, partner, detail, value, text_hash"),
        )
    ),
}
# Bytes that DuckDB may take: enough for any step of a million records, and for larger versions as many for each.
MEMORY_LIMIT, MEMORY_A_ROW = 1_000_000_000, 1_000


def connect(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """A connection to the store at `path`, made with its tables where it does not exist yet.

    Raises StoreError for a lock held by another process, a damaged file, a file of a newer tuneproof, and,
    with `read_only`, a file that is not there.
    """
    fresh = not path.exists()
    if fresh and read_only:
        raise StoreError(
            f"no store at {path}",
            "make one: python -m curation source.path=FILE",
            STORE_WAY,
        )
    if not read_only:
        made(path.parent, STORE_WAY, name=path)
    try:
        connection = duckdb.connect(str(path), read_only=read_only)
    except duckdb.Error as error:
        raise _explained(path, error) from None
    try:
        give_memory(connection, rows=0)
        # What is written goes from the log into the tables rarely: each time the last rows of a table are written anew.
        connection.execute("SET checkpoint_threshold = '256MB'")
        if fresh:
            _create(connection)
        _check_schema(connection, path, read_only=read_only)
    except _BroughtUpToDate:
        return connect(path, read_only=True)
    except duckdb.Error as error:
        connection.close()
        raise _explained(path, error) from None
    return connection


def give_memory(connection: duckdb.DuckDBPyConnection, *, rows: int) -> None:
    """Let DuckDB take what a version of so many rows needs, but no more than half of the machine's memory.

    It spills what does not fit into a folder beside the file, but not all: joins and sorts hold a part of each row.
    """
    import psutil

    most = max(MEMORY_LIMIT, psutil.virtual_memory().total // 2)
    connection.execute(f"SET memory_limit = '{min(max(MEMORY_LIMIT, rows * MEMORY_A_ROW), most)}B'")


class _BroughtUpToDate(Exception):
    """An older store was migrated: open it again."""


@contextmanager
def leaving_no_empty_store(
    connection: duckdb.DuckDBPyConnection, path: Path, *, fresh: bool
) -> Iterator[None]:
    """A store that is `fresh`, made by this process, goes again where the block fails before it holds a version."""
    try:
        yield
    except BaseException:
        # Asked of the connection that is open: DuckDB waits for ever on a second one while threads still end.
        if fresh and _holds_no_version(connection):
            connection.close()
            for file in (path, path.with_name(f"{path.name}.wal")):
                file.unlink(missing_ok=True)
        raise


def _holds_no_version(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        return not connection.execute("SELECT 1 FROM versions LIMIT 1").fetchall()
    except duckdb.Error:
        return False


def _create(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("BEGIN")
    connection.execute(files("data").joinpath("schema.sql").read_text(encoding="utf-8"))
    connection.execute("INSERT INTO meta VALUES ('schema_version', ?)", [str(SCHEMA_VERSION)])
    connection.execute("COMMIT")


def _check_schema(connection: duckdb.DuckDBPyConnection, path: Path, *, read_only: bool) -> None:
    tables = connection.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_name IN ('meta', 'versions', 'members')"
    ).fetchall()[0][0]
    if tables == 0 and _is_empty(connection):
        # A process that was killed between creating the file and the tables left an empty database.
        _create(connection)
        return
    if tables < 3:
        connection.close()
        raise StoreError(
            f"{path} is a DuckDB file, but not a tuneproof store",
            "name another file: store.path=runs/warehouse.duckdb",
        )
    found = int(connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchall()[0][0])
    if found in MIGRATIONS and read_only:
        # What reads needs today's tables and views: it is written once, as a command that writes would do.
        connection.close()
        connect(path, read_only=False).close()
        raise _BroughtUpToDate
    if found in MIGRATIONS:
        _migrate(connection, found)
    elif found != SCHEMA_VERSION:
        connection.close()
        raise StoreError(
            f"{path} has store schema {found}; this tuneproof reads schema {SCHEMA_VERSION}",
            "upgrade tuneproof, or name another file: store.path=runs/other.duckdb",
        )


def _migrate(connection: duckdb.DuckDBPyConnection, found: int) -> None:
    connection.execute("BEGIN")
    for version in range(found, SCHEMA_VERSION):
        connection.execute(MIGRATIONS[version])
    connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(SCHEMA_VERSION)])
    connection.execute("COMMIT")


def _is_empty(connection: duckdb.DuckDBPyConnection) -> bool:
    count: int = connection.execute("SELECT count(*) FROM information_schema.tables").fetchall()[0][0]
    return count == 0


def _explained(path: Path, error: duckdb.Error) -> StoreError:
    """DuckDB's message as a problem and a next step."""
    message = str(error)
    if "lock" in message.lower():
        holder = re.search(r"PID (\d+)", message)
        who = f"process {holder.group(1)}" if holder else "another process"
        return StoreInUse(
            f"the store {path} is in use by {who}; one process writes at a time",
            "wait until it ends, or end it",
        )
    if path.is_dir():
        return StoreError(f"the store {path} is a folder", "name a file: store.path=runs/warehouse.duckdb")
    if _is_damage(message):
        return _damaged(str(path))
    if "newer" in message or "version number" in message.lower():
        return StoreError(
            f"the store {path} was written by another DuckDB: {message.splitlines()[0]}",
            "install the versions in constraints.txt",
        )
    return StoreError(
        f"cannot open the store {path}: {message.splitlines()[0]}", "check the path and its rights", STORE_WAY
    )


def _is_damage(message: str) -> bool:
    words = ("not a valid duckdb", "corrupt", "serializ", "could not read enough bytes", "checksum")
    return any(word in message.lower() for word in words)


def _damaged(path: str) -> StoreError:
    return StoreError(
        f"the store {path} is damaged or is not a DuckDB file; nothing was changed",
        "restore a backup, or move the file away and make it again: python -m curation source.path=FILE",
    )


def explained_late(error: Exception) -> StoreError | None:
    """An error of a query on an open store as damage or a full disk; None for any other error."""
    if not isinstance(error, duckdb.Error):
        return None
    message = str(error)
    named = re.search(r'file "([^"]+)"', message)
    if _is_damage(message):
        return _damaged(named.group(1) if named else "file")
    if "No space left" in message:
        return StoreError(f"the disk is full: {message.splitlines()[0]}", "what was finished is kept")
    if isinstance(error, duckdb.OutOfMemoryException):
        return StoreError(
            f"the store needs more memory than it may take: {message.splitlines()[0]}",
            "what was finished is kept; a machine with more memory goes on from there",
        )
    return None
