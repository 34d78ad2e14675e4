"""Which records a run was trained on: their ids in a file of the run's folder, and a digest of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data.records import digest
from train.resume import ROWS
from train.rows import Tokenised

TABLE = "rows.parquet"  # in a run's folder: record_id, split and tokens of each row that was used


def keep_rows(folder: Path, version: str, parts: dict[str, Tokenised]) -> dict[str, Any]:
    """Write both files; returns what stands in the small one.

    `digest` is over the ids of the training rows, sorted, one a line: equal rows give equal digests.
    """
    import polars as pl

    from train.packing import row_lengths

    frames = [
        pl.DataFrame(
            {
                "record_id": list(part.dataset["record_id"]),
                "split": split,
                "tokens": row_lengths(part.dataset),
            },
            schema={"record_id": pl.String, "split": pl.String, "tokens": pl.Int64},
        )
        for split, part in parts.items()
    ]
    pl.concat(frames).write_parquet(folder / TABLE)
    ids = sorted(parts["train"].dataset["record_id"])
    kept = {
        "version": version,
        "digest": digest("\n".join(ids)),
        **{split: len(part) for split, part in parts.items()},
    }
    (folder / ROWS).write_text(json.dumps(kept, indent=1), encoding="utf-8")
    return kept
