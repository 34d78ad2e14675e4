"""A version as a file that other tools read."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from data.errors import SourceError, StoreError
from data.scrubbed import demand_scrubbed
from data.store import Store
from data.trouble import check_file

FORMATS = (".jsonl", ".parquet")


def export(
    store: Store, version: str, path: Path, *, allow_unscrubbed: bool = False, force: bool = False
) -> int:
    """Write the records of `version` to a `.jsonl` or `.parquet` file; returns their number.

    Each row has record_id, messages, label, split, source, licence, language, and the metadata's columns
    inside `metadata`. The file appears whole or not at all. Raises StoreError for a version whose personal data was not
    masked, unless `allow_unscrubbed`, and for a file that is there already, unless `force`.
    """
    if path.suffix not in FORMATS:
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
        _write_jsonl(records, partial)
    partial.replace(path)
    return records.height


def _write_jsonl(records: pl.DataFrame, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in records.iter_rows(named=True):
            present = {key: value for key, value in row.items() if value is not None}
            present["metadata"] = json.loads(row["metadata"])
            file.write(json.dumps(present, ensure_ascii=False) + "\n")
