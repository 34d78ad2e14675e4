"""Looking for deleted texts in the bytes of files: database files, exports, reports, whatever holds them.

A text leaves its traces where a stretch of it stands that no kept text holds. So some windows of WINDOW bytes are drawn
from each deleted text, those that a kept text holds too are put aside, and the rest are looked for in all files at
once. A compressed file hides what it holds: what can be decoded (DuckDB, Parquet, gzip) is searched decoded as well,
and `control` windows of texts that were kept say how much of a file its raw bytes show.
"""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

WINDOW = 16
PER_TEXT = 4
CHUNK = 1 << 20
# What JSON and HTML write as it is, so that a window looks the same in every kind of file.
_PLAIN = re.compile(rb"[ !#$%()*+,\-.0-9:;=?@A-Z\[\]^_`a-z{|}~]{16,}")
# Odd multipliers (of xxHash): the high bits of the sum depend on all 16 bytes.
_FIRST, _SECOND = np.uint64(0x9E3779B185EBCA87), np.uint64(0xC2B2AE3D27D4EB4F)
_TABLE_BITS = 22


class Needles:
    """Windows of exactly WINDOW bytes, looked for all at once; each belongs to owners (texts, records) by number."""

    def __init__(self, owners: Mapping[bytes, Sequence[int]]) -> None:
        self.owners = dict(owners)
        joined = np.frombuffer(b"".join(self.owners), np.uint8).reshape(-1, WINDOW)
        halves = np.ascontiguousarray(joined).view("<u8").reshape(-1, 2)
        self._keys: np.ndarray = np.sort(halves[:, 0] * _FIRST + halves[:, 1] * _SECOND).astype(np.uint64)
        self._maybe = np.zeros(1 << _TABLE_BITS, bool)
        self._maybe[self._keys >> np.uint64(64 - _TABLE_BITS)] = True

    def __len__(self) -> int:
        return len(self.owners)

    def windows_in(self, chunks: Iterable[bytes]) -> set[bytes]:
        """Those of the windows that stand somewhere in the chunks, which follow one another without a gap."""
        found: set[bytes] = set()
        rest = b""
        for chunk in chunks if self.owners else ():
            data = rest + chunk
            if len(data) >= WINDOW:
                found |= self._in(data)
            rest = data[-(WINDOW - 1) :]
        return found

    def owners_in(self, chunks: Iterable[bytes]) -> set[int]:
        """The owners of the windows that stand somewhere in the chunks."""
        return {owner for window in self.windows_in(chunks) for owner in self.owners[window]}

    @property
    def all_owners(self) -> set[int]:
        """Who can be found."""
        return {owner for own in self.owners.values() for owner in own}

    def without(self, windows: Iterable[bytes]) -> Needles:
        """The needles less these windows."""
        gone = set(windows)
        return Needles({window: own for window, own in self.owners.items() if window not in gone})

    def at_most(self, each: int) -> Needles:
        """Few of the windows: `each` for every owner, where there are so many."""
        kept: dict[bytes, Sequence[int]] = {}
        taken: Counter[int] = Counter()
        # Those of one owner first: what many share says little of each of them.
        for window, own in sorted(self.owners.items(), key=lambda item: len(item[1])):
            wanting = [owner for owner in own if taken[owner] < each]
            if wanting:
                taken.update(wanting)
                kept[window] = wanting
        return Needles(kept)

    def _in(self, data: bytes) -> set[bytes]:
        raw = np.frombuffer(data, np.uint8)
        words = np.empty(len(raw) - 7, np.uint64)  # the eight bytes from each position on
        for shift in range(8):
            words[shift::8] = raw[shift : shift + (len(raw) - shift) // 8 * 8].view("<u8")
        keys = words[:-8] * _FIRST + words[8:] * _SECOND
        at = np.flatnonzero(self._maybe[keys >> np.uint64(64 - _TABLE_BITS)])
        place = np.searchsorted(self._keys, keys[at])
        at = at[self._keys[np.minimum(place, len(self._keys) - 1)] == keys[at]]
        return {window for i in at.tolist() if (window := data[i : i + WINDOW]) in self.owners}


def windows_of(contents: Sequence[str], kept: Sequence[str] = (), most: int = PER_TEXT) -> list[bytes]:
    """At most `most` windows of a text, spread over it, none of which stands in the texts `kept`.

    A window without characters that JSON or HTML would write otherwise is preferred. Empty for a text that is shorter
    than a window, or that is wholly held by `kept`.
    """
    held = {data[i : i + WINDOW] for data in _encoded(kept) for i in range(len(data) - WINDOW + 1)}
    for plain in (True, False):
        found: dict[bytes, None] = {}
        for data in _encoded(contents):
            runs = [m.span() for m in _PLAIN.finditer(data)] if plain else [(0, len(data))]
            for start, end in runs:
                for i in range(start, end - WINDOW + 1):
                    window = data[i : i + WINDOW]
                    if window not in held and len(set(window)) > 4:
                        found[window] = None
        if found:
            every = list(found)
            step = max(1, len(every) // most)
            return every[step // 2 :: step][:most]
    return []


def _encoded(contents: Sequence[str]) -> list[bytes]:
    return [content.encode("utf-8", "surrogatepass") for content in contents]


def file_chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file as they are."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def decoded_chunks(path: Path) -> Iterator[bytes] | None:
    """What a compressed file says when it is read as what it is; None for a file that is not compressed."""
    if path.suffix == ".gz":
        return _gzip_chunks(path)
    if path.suffix == ".parquet":
        return _parquet_chunks(path)
    return None


def _gzip_chunks(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _parquet_chunks(path: Path) -> Iterator[bytes]:
    for frame in pl.read_parquet(path).iter_slices(20_000):
        yield frame.write_ndjson().encode()


def database_chunks(connection: duckdb.DuckDBPyConnection) -> Iterator[bytes]:
    """Every value of every table that can hold text, decoded."""
    for _, chunks in database_columns(connection):
        yield from chunks


def database_columns(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, Iterator[bytes]]]:
    """`table.column` and its values, decoded, for every column of a table that can hold text."""
    columns = connection.execute(
        """SELECT c.table_name, c.column_name FROM duckdb_columns() c
        JOIN duckdb_tables() USING (table_oid, database_name) WHERE c.database_name = current_database()
        AND regexp_matches(c.data_type, 'VARCHAR|BLOB|JSON') ORDER BY ALL"""
    ).fetchall()
    for table, column in columns:
        yield f"{table}.{column}", _column_chunks(connection, table, column)


def _column_chunks(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> Iterator[bytes]:
    cursor = connection.cursor()
    try:
        reader = cursor.sql(
            f"""SELECT CAST("{column}" AS VARCHAR) AS value FROM "{table}" WHERE "{column}" IS NOT NULL"""
        ).to_arrow_reader(20_000)
        for batch in reader:
            yield "\n".join(batch.column(0).to_pylist()).encode("utf-8", "surrogatepass") + b"\n"
    finally:
        cursor.close()


def is_database(path: Path) -> bool:
    """Whether a file is a DuckDB database, by its magic bytes."""
    with path.open("rb") as file:
        return file.read(12)[8:] == b"DUCK"
