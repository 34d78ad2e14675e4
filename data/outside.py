"""A person's rows in files that were made from the store: exports are rewritten without them, the rest is removed."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import polars as pl

from data.export import lines_written
from data.places import Kind, places
from data.remnants import UNREADABLE
from data.report.wording import counted
from data.store import Store
from data.subject import plain_text

# Made again by the command that made them.
REMOVED = (Kind.report.value, Kind.evaluation.value, Kind.tokens.value)


def clear_file(entry: dict[str, Any], records: Collection[str], wanted: str) -> dict[str, Any]:
    """Clear a file that `subject` found (kind, path, records, mentions); the entry with what was `done`, or `why` not.

    An export loses the rows of these records, and those that `wanted` matches; a report, or a file of tokens that the
    next training makes again, is removed; a file of a run or
    a list of rejects is removed where the value stands in it. Raw data is nobody's to change but its owner's.
    """
    path, kind = Path(entry["path"]), entry["kind"]
    if kind == Kind.source.value:
        return {**entry, "done": "", "why": "raw data is not changed; its owner has to"}
    if not path.exists():
        return {**entry, "done": "is gone", "why": ""}
    if kind == Kind.export.value:
        try:
            left_out = _without(path, set(records), re.compile(wanted) if wanted else None)
        except UNREADABLE as error:
            return {**entry, "done": "", "why": f"could not be rewritten: {type(error).__name__}"}
        return {**entry, "done": f"rewritten without {counted(left_out, 'row')}", "why": ""}
    if kind in REMOVED or entry["mentions"]:
        path.unlink()
        return {**entry, "done": "removed", "why": ""}
    return {**entry, "done": "", "why": "holds ids of the records and none of their texts"}


def clear_tokens(store: Store) -> None:
    """Remove all rows that were kept as tokens: no search for a text finds it in them."""
    for place in places(store):
        if place.kind is Kind.tokens:
            place.path.unlink(missing_ok=True)


def _without(path: Path, records: set[str], wanted: re.Pattern[str] | None) -> int:
    """Rewrite an export without the rows; returns how many. It appears whole or stays as it was."""
    partial = path.with_name(path.name + ".part")
    if path.suffix == ".parquet":
        frame = pl.read_parquet(path)
        lines = [row.write_ndjson() for row in frame.iter_slices(1)]
        kept = [not _is_theirs(line, records, wanted) for line in lines]
        frame.filter(kept).write_parquet(partial)
    else:
        kept = []
        compressed = path.suffix == ".gz"
        opened = gzip.open if compressed else open
        with opened(path, "rt", encoding="utf-8") as source, lines_written(partial, compressed) as target:
            for line in source:
                kept.append(not _is_theirs(line, records, wanted))
                if kept[-1]:
                    target.write(line)
    partial.replace(path)
    return kept.count(False)


def _is_theirs(line: str, records: set[str], wanted: re.Pattern[str] | None) -> bool:
    if wanted is not None and wanted.search(plain_text(line)):
        return True
    return bool(line.strip()) and json.loads(line).get("record_id") in records
