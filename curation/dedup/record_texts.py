"""Texts of records, read from the store as often as wanted and never held as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from data.records import Records

ROWS = 20_000


@dataclass(slots=True)
class RecordTexts:
    """One or two columns of `records` as `canonical.Texts`, in the order of the record ids."""

    records: Records
    columns: tuple[str, ...]

    def chunks(self) -> Iterator[tuple[pl.Series, ...]]:
        """See `canonical.Texts.chunks`."""
        for batch in self.records.batches("record_id", *self.columns, rows=ROWS):
            yield self.fields(batch)

    def fields(self, batch: pl.DataFrame) -> tuple[pl.Series, ...]:
        """The columns of a batch, nulls as empty texts."""
        return tuple(batch[name].fill_null("") for name in self.columns)
