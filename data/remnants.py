"""What is left of deleted texts in files: needles drawn from the texts before they go, and the search for them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from data.bytescan import (
    PER_TEXT,
    Needles,
    database_chunks,
    decoded_chunks,
    file_chunks,
    is_database,
    windows_of,
)
from data.errors import UserError
from data.places import Kind, Place
from data.progress import progress
from data.store import Store

# What reading a damaged file may raise.
UNREADABLE = (OSError, EOFError, ValueError, zlib.error, pl.exceptions.PolarsError)
# Texts that needles are drawn from at most: none found in 20,000 bounds the share that left a trace below .00015.
MOST_TEXTS = 20_000
MOST_PER_TEXT, MOST_WINDOWS = 500, 200_000
_CONTENTS = "[x.content for x in {}.messages]"


@dataclass(frozen=True, slots=True)
class Sought:
    """Needles, and what they stand for.

    texts        texts that go
    drawn        of them drawn at most; `seekable`: those with a stretch of 16 bytes that no kept text holds
    needles      their windows; the owner is the text's number
    """

    texts: int
    drawn: int
    seekable: int
    needles: Needles

    def counts(self) -> dict[str, int]:
        """What a report says of the search."""
        return {
            "texts": self.texts,
            "drawn": self.drawn,
            "seekable": self.seekable,
            "windows": len(self.needles),
        }


@dataclass(frozen=True, slots=True)
class Seen:
    """What the search said of one file: texts of which something was found, raw and decoded, and what was not read."""

    kind: str
    path: str
    size: int
    found: int
    note: str = ""


def sought_in(store: Store, *, most: int = MOST_TEXTS) -> Sought:
    """Needles for the texts in the temporary table `gone`, which are still in `store`."""
    connection = store.connection
    total = store.query("SELECT count(*) AS n FROM gone")["n"].item()
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE sample AS SELECT text_hash FROM gone ORDER BY md5(text_hash) LIMIT ?",
        [most],
    )
    # Beside each text what is kept of the same records: a scrubbed text is the old one but for its placeholders.
    rows = store.query(
        f"""WITH kept AS (
            SELECT DISTINCT s.text_hash, m.text_hash AS other FROM sample s
            JOIN members o ON o.text_hash = s.text_hash JOIN members m ON m.record_id = o.record_id
            WHERE m.text_hash NOT IN (SELECT text_hash FROM gone)),
        beside AS (
            SELECT kept.text_hash, flatten(list({_CONTENTS.format("k")})) AS others
            FROM kept JOIN texts k ON k.text_hash = kept.other GROUP BY kept.text_hash)
        SELECT {_CONTENTS.format("t")} AS contents, coalesce(b.others, []) AS others
        FROM sample s JOIN texts t USING (text_hash) LEFT JOIN beside b USING (text_hash)"""
    )
    owners: dict[bytes, list[int]] = {}
    # Of few texts many windows are tried: most of a text may be what others say too.
    each = max(PER_TEXT, min(MOST_PER_TEXT, MOST_WINDOWS // max(rows.height, 1)))
    with progress("Drawing needles", total=rows.height) as advance:
        for number, (contents, others) in enumerate(rows.iter_rows()):
            for window in windows_of(contents, others, each):
                owners.setdefault(window, []).append(number)
            advance(1)
    needles = Needles(owners)
    needles = needles.without(needles.windows_in(_kept_texts(connection))).at_most(PER_TEXT)
    return Sought(total, rows.height, len(needles.all_owners), needles)


def _kept_texts(connection: duckdb.DuckDBPyConnection) -> Iterable[bytes]:
    sql = f"""SELECT array_to_string({_CONTENTS.format("t")}, chr(10)) AS text FROM texts t
        WHERE text_hash NOT IN (SELECT text_hash FROM gone)"""
    # Not by a cursor: it would not see the temporary table.
    for batch in connection.sql(sql).to_arrow_reader(20_000):
        yield "\n".join(batch.column(0).to_pylist()).encode("utf-8", "surrogatepass") + b"\n"


def search(
    places: Sequence[Place],
    needles: Needles,
    open_stores: dict[Path, duckdb.DuckDBPyConnection] | None = None,
) -> list[Seen]:
    """Look into each of the files, raw and decoded. Databases that are open here come with their connection."""
    seen: list[Seen] = []
    with progress("Searching files", total=len(places)) as advance:
        for place in places:
            seen.append(_look(place, needles, (open_stores or {}).get(place.path)))
            advance(1)
    return seen


def _look(place: Place, needles: Needles, connection: duckdb.DuckDBPyConnection | None) -> Seen:
    path, notes = place.path, []
    try:
        size = path.stat().st_size
        found = needles.owners_in(file_chunks(path))
        decoded = decoded_chunks(path)
        if decoded is not None:
            found |= needles.owners_in(decoded)
        elif path.suffix in (".zip", ".xz", ".bz2", ".zst", ".pdf"):
            notes.append("compressed: only its raw bytes were searched")
        if connection is not None:
            found |= needles.owners_in(database_chunks(connection))
        elif place.kind in (Kind.backup, Kind.store) and is_database(path):
            with Store.open(path, read_only=True) as other:
                found |= needles.owners_in(database_chunks(other.connection))
    except (*UNREADABLE, UserError, duckdb.Error) as error:
        return Seen(place.kind.value, str(path), 0, 0, f"could not be searched: {type(error).__name__}")
    return Seen(place.kind.value, str(path), size, len(found), "; ".join(notes))


def as_rows(seen: Iterable[Seen]) -> list[dict[str, Any]]:
    """For a report's JSON."""
    return [asdict(one) for one in seen]
