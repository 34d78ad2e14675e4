"""The Evaluation: one comparison of answers, with every answer kept so that a number leads back to its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl


@dataclass(kw_only=True, slots=True)
class Evaluation:
    """One evaluation.

    evaluation_id   `eval-` and 12 hex digits
    run             the tuned Run; None for a file of predictions that somebody else made
    version         the version whose test split was answered, None for a file
    config          the whole typed configuration as plain data
    path            folder of the report
    """

    evaluation_id: str
    run: str | None
    version: str | None
    config: dict[str, Any] = field(default_factory=dict)
    path: str = ""


# One row an answer. `role` says whose it is: base, tuned, copy_nearest, prediction, baseline. `item` is the record_id
# where the item is a record. `scores` is a JSON object of the metrics that exist for a single item.
ANSWER_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "task": pl.String,
    "item": pl.String,
    "role": pl.String,
    "prompt": pl.String,
    "prediction": pl.String,
    "references": pl.List(pl.String),
    "scores": pl.String,
}
