"""A version as a file that other tools read."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import polars as pl

from data.errors import SourceError, StoreError
from data.scrubbed import demand_scrubbed
from data.store import Store
from data.trouble import check_file

FORMATS = (".jsonl", ".jsonl.gz", ".parquet")


def export(
    store: Store, version: str, path: Path, *, allow_unscrubbed: bool = False, force: bool = False
) -> int:
    """Write the records of `version` to a `.jsonl`, `.jsonl.gz` or `.parquet` file; returns their number.

    Each row has record_id, messages, label, split, source, licence, language, and the metadata's columns
    inside `metadata`. The file appears whole or not at all. Raises StoreError for a version whose personal data was not
    masked, unless `allow_unscrubbed`, and for a file that is there already, unless `force`.
    """
    if not path.name.endswith(FORMATS):
        raise SourceError(
            f"{path}: cannot export to '{path.suffix or path.name}'", f"allowed: {', '.join(FORMATS)}"
        )
    check_file(path)
    if path.exists() and not force:
        raise StoreError(f"{path} exists already", "replace it: --force   or name another file")
    resolved = store.resolve(version)
    demand_scrubbed(store, resolved, what="export", allow=allow_unscrubbed, override="--allow-unscrubbed")
    frame = store.read(resolved).frame(
        "record_id",
        "kind",
        "messages",
        "label",
        "split",
        "source",
        "licence",
        "language",
        "timestamp",
        "metadata",
    )
    partial = path.with_name(path.name + ".part")
    records = frame.collect()
    if path.suffix == ".parquet":
        records.write_parquet(partial)
    else:
        with lines_written(partial, path.suffix == ".gz") as file:
            _write_jsonl(records, file)
    partial.replace(path)
    return records.height


@contextmanager
def lines_written(path: Path, compressed: bool) -> Iterator[IO[str]]:
    """A new file for lines of text, a gzip where `compressed`: equal lines make equal bytes at any time."""
    if not compressed:
        with path.open("w", encoding="utf-8") as file:
            yield file
        return
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as zipped,
        io.TextIOWrapper(zipped, encoding="utf-8", newline="\n") as file,
    ):
        yield file


def _write_jsonl(records: pl.DataFrame, file: IO[str]) -> None:
    for row in records.iter_rows(named=True):
        present = {key: value for key, value in row.items() if value is not None}
        present["metadata"] = json.loads(row["metadata"])
        file.write(json.dumps(present, ensure_ascii=False) + "\n")
