"""Texts of records, read from the store as often as wanted and never held as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from curation.dedup.canonical import marked
from data.records import Records

ROWS = 20_000
# Where fewer of the texts than this are wanted, they are asked for by their ids; else all are read past.
FEW = 0.2


@dataclass(slots=True)
class RecordTexts:
    """One or two columns of one or several sets of records as `canonical.Texts`, each set in the order of its ids.

    ids  the record ids of each set, where they are known already
    """

    parts: Sequence[Records]
    columns: tuple[str, ...]
    ids: Sequence[pl.Series] = ()

    def chunks(self) -> Iterator[tuple[pl.Series, ...]]:
        """See `canonical.Texts.chunks`."""
        for part in self.parts:
            yield from self._of(part)

    def only(self, wanted: np.ndarray) -> Iterator[tuple[pl.Series, ...]]:
        """See `canonical.Texts.only`."""
        if not self.ids or wanted.sum() > FEW * len(wanted):
            yield from marked(self.chunks(), wanted)
            return
        at = 0
        for part, ids in zip(self.parts, self.ids, strict=True):
            mask = wanted[at : at + len(ids)]
            at += len(ids)
            if mask.any():
                yield from self._of(part.among(ids.filter(pl.Series(mask))))

    def _of(self, part: Records) -> Iterator[tuple[pl.Series, ...]]:
        for batch in part.batches("record_id", *self.columns, rows=ROWS):
            yield tuple(batch[name].fill_null("") for name in self.columns)
