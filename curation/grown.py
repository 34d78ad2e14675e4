"""Records that were judged before, and new ones beside them: what a stage sees that judges only what is new."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from data.records import Records
from data.store import Store
from data.verdicts import Verdicts

# What was said of no old record is said anew.
NOBODY = pl.Series("record_id", [], dtype=pl.String)


class Said(Protocol):
    """What the stage said before."""

    def __call__(self, *, on: Collection[str], partners: Collection[str] = ()) -> Verdicts:
        """Its verdicts on these records, and those in which one of `partners` is the partner."""
        ...


@dataclass(frozen=True, slots=True)
class Grown:
    """The records of a version, where the stage judged a part of them before.

    old    the records that it judged; `kept` those of them that it left
    new    the records that it has not judged
    said   what it said of the old ones
    left   what the stage leaves for its `measure_grown`, so that nothing is looked for twice

    Its verdicts on old records hold on, but for those that it names as judged again.
    """

    old: Records
    kept: Records
    new: Records
    said: Said
    left: dict[str, pl.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A version that the stage made of a part of the records."""

    store: Store
    version: str

    @property
    def parent(self) -> str:
        """The version that it was made of."""
        parent = self.store.version(self.version).parent
        assert parent is not None
        return parent

    def said(self, *, on: Collection[str], partners: Collection[str] = ()) -> Verdicts:
        """See `Said`."""
        return self.store.verdicts(self.version, on=on, partners=partners)
